/**
 * Verdicts on two sets of samples, one rule for every report:
 *   improved, regressed  p < alpha, AND the 1 - alpha interval of the ratio b / a lies on one side of 1, AND that
 *                        ratio is at least minimumEffect away from 1
 *   equal                the interval lies wholly within 1 - minimumEffect to 1 + minimumEffect, even where a
 *                        small difference is certain: it doesn't matter
 *   inconclusive         everything else; more or quieter samples would tell
 * The ratio, not its interval, has to pass minimumEffect: demanding the interval
 * would miss real effects of the size that was asked for half of the time.
 * Independent samples: Mann-Whitney, median(b) / median(a) with a bootstrap interval. Pairs (a[i] and b[i] measured
 * under the same conditions): signed ranks of log(b[i] / a[i]), so that what both sides of a pair suffer cancels out.
 * Must never turn samples that can't be judged into a figure: their numbers are null.
 */
import { assert } from "../base/assert.ts";
import type { Failure } from "../base/result.ts";
import { BOOTSTRAP_SAMPLES_MIN, bootstrapRatioInterval, DEFAULT_RESAMPLE_COUNT, type Statistic } from "./bootstrap.ts";
import { holm } from "./holm.ts";
import { mannWhitney, samplesForSignificance } from "./mann-whitney.ts";
import { median, quantile } from "./quantile.ts";
import type { Interval } from "./quantile-interval.ts";
import { checkPositive, type Samples } from "./samples.ts";
import { pairsForInterval, signedRank } from "./signed-rank.ts";
import { explain } from "./verdict-words.ts";

export type Verdict = "improved" | "regressed" | "equal" | "inconclusive";

export interface JudgeOptions {
  /** A share: 0.05 calls a difference below 5% too small to matter. */
  readonly minimumEffect: number;
  readonly alpha: number;
  readonly better: "lower" | "higher";
  readonly seed: number;
  /** a[i] and b[i] belong together; false when absent. */
  readonly isPaired?: boolean;
  /** Of the interval; by default 10,000, fewer for very many samples. */
  readonly resampleCount?: number;
}

export type Judgement = Measured | Unjudged;

interface Measured {
  readonly failure: null;
  readonly verdict: Verdict;
  /** median(b) / median(a); of pairs, their typical b / a (the pseudomedian). */
  readonly ratio: number;
  readonly interval: Interval;
  /** In a suite, after Holm's correction. */
  readonly p: number;
  /** Above zero when b is larger. */
  readonly cliffsDelta: number;
  /** One sentence. */
  readonly why: string;
}

/** Too few samples, or some that no ratio can be made of. */
interface Unjudged {
  readonly failure: Failure;
  readonly verdict: "inconclusive";
  readonly ratio: null;
  readonly interval: null;
  readonly p: null;
  readonly cliffsDelta: null;
  readonly why: string;
}

export interface NamedComparison {
  readonly name: string;
  readonly a: Samples;
  readonly b: Samples;
  readonly better: "lower" | "higher";
}

/** Is b better or worse than a? */
export function judge(a: Samples, b: Samples, options: JudgeOptions): Judgement {
  const measured = measure(a, b, options);
  return measured.failure === null ? decide(measured, measured.p, options, 1) : measured;
}

/** As judge, for comparisons that are read together: the chance of any false alarm stays below alpha. Keeps the order. */
export function judgeSuite(
  comparisons: readonly NamedComparison[],
  options: Omit<JudgeOptions, "better">,
): readonly { readonly name: string; readonly judgement: Judgement }[] {
  const measured = comparisons.map(({ a, b }, index) => measure(a, b, { ...options, seed: options.seed + index }));
  const adjusted = holm(measured.flatMap((each) => (each.failure === null ? [each.p] : [])));
  let next = 0;
  return measured.map((each, index) => {
    const { name, better } = comparisons[index]!;
    return { name, judgement: each.failure === null ? decide(each, adjusted[next++]!, { ...options, better }, adjusted.length) : each };
  });
}

type Measurement = Omit<Measured, "verdict" | "why"> & { readonly count: number };

/** How many samples a side it takes before p, corrected for so many comparisons, could be below alpha. */
function samplesForVerdict({ alpha, isPaired = false }: Pick<JudgeOptions, "alpha" | "isPaired">, comparisonCount: number): number {
  const least = alpha / comparisonCount;
  return isPaired ? pairsForInterval(1 - least) : Math.max(BOOTSTRAP_SAMPLES_MIN, samplesForSignificance(least));
}

/** One resample of all samples is a draw; large sets get fewer resamples, which their narrow intervals don't miss. */
const DRAWS_MAX = 50_000_000;
const RESAMPLE_COUNT_MIN = 1_000;

const medianOfSorted: Statistic = (sorted) => quantile(sorted, 0.5);

function measure(a: Samples, b: Samples, options: Omit<JudgeOptions, "better">): Measurement | Unjudged {
  const { alpha, minimumEffect, seed, isPaired = false } = options;
  assert(alpha > 0 && alpha < 1, `alpha lies between 0 and 1, not at ${alpha}`);
  assert(minimumEffect >= 0 && minimumEffect < 1, `a minimum effect is a share from 0 to 1, not ${minimumEffect}`);
  const neededCount = samplesForVerdict(options, 1);
  const failure = checkPositive(a, neededCount, "a verdict (first side)") ?? checkPositive(b, neededCount, "a verdict (second side)");
  if (failure !== null) return unjudged(failure);
  const test = mannWhitney(a, b);
  if (!test.ok) return unjudged(test.failure);
  const { cliffsDelta } = test.value;
  if (isPaired) return measurePairs(a, b, alpha, cliffsDelta);
  const { resampleCount = affordableResampleCount(a.length + b.length) } = options;
  const interval = bootstrapRatioInterval(a, b, medianOfSorted, { seed, confidence: 1 - alpha, resampleCount });
  if (!interval.ok) return unjudged(interval.failure);
  const count = Math.min(a.length, b.length);
  return { failure: null, ratio: median(b) / median(a), interval: interval.value, p: test.value.p, cliffsDelta, count };
}

function measurePairs(a: Samples, b: Samples, alpha: number, cliffsDelta: number): Measurement | Unjudged {
  assert(a.length === b.length, `pairs have two sides, not ${a.length} and ${b.length} samples`);
  const test = signedRank(
    Array.from(a, (value, index) => Math.log(b[index]! / value)),
    1 - alpha,
  );
  if (!test.ok) return unjudged(test.failure);
  const { p, pseudomedian, interval } = test.value;
  const { low, high, confidence } = interval;
  return {
    failure: null,
    ratio: Math.exp(pseudomedian),
    interval: { low: Math.exp(low), high: Math.exp(high), confidence },
    p,
    cliffsDelta,
    count: a.length,
  };
}

function affordableResampleCount(sampleCount: number): number {
  return Math.max(RESAMPLE_COUNT_MIN, Math.min(DEFAULT_RESAMPLE_COUNT, Math.floor(DRAWS_MAX / sampleCount)));
}

function unjudged(failure: Failure): Unjudged {
  return { failure, verdict: "inconclusive", ratio: null, interval: null, p: null, cliffsDelta: null, why: failure.message };
}

function decide({ count, ...measurement }: Measurement, p: number, options: Omit<JudgeOptions, "seed">, comparisonCount: number): Measured {
  const verdict = verdictOf(measurement, p, options);
  const rule = { ...options, count, neededCount: samplesForVerdict(options, comparisonCount) };
  return { ...measurement, p, verdict, why: explain(verdict, measurement.ratio, measurement.interval, p, rule) };
}

function verdictOf({ ratio, interval }: Pick<Measurement, "ratio" | "interval">, p: number, options: Omit<JudgeOptions, "seed">): Verdict {
  const { alpha, minimumEffect, better } = options;
  const isOneSided = interval.low > 1 || interval.high < 1;
  if (p < alpha && isOneSided && Math.abs(ratio - 1) >= minimumEffect) {
    return ratio > 1 === (better === "higher") ? "improved" : "regressed";
  }
  return interval.low >= 1 - minimumEffect && interval.high <= 1 + minimumEffect ? "equal" : "inconclusive";
}
