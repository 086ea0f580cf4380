/**
 * Every function against SciPy, case by case: golden.jsonl is printed by
 * scripts/golden-stats.py, whose first line names the SciPy it ran with.
 * The other tests of this folder say what the functions are for.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { binomialCdf, binomialPmf, binomialQuantile } from "./binomial.ts";
import { bootstrapRatioInterval, type Statistic } from "./bootstrap.ts";
import { lagOneAutocorrelation, trendTest } from "./drift.ts";
import { holm } from "./holm.ts";
import { mannWhitney } from "./mann-whitney.ts";
import { normalSurvival } from "./normal.ts";
import { modifiedZScores, tukeyFences } from "./outliers.ts";
import { productLimit } from "./product-limit.ts";
import { quantile } from "./quantile.ts";
import { type Interval, quantileInterval, samplesForQuantile } from "./quantile-interval.ts";
import { sortedCopy } from "./samples.ts";
import { signedRank } from "./signed-rank.ts";

interface Line {
  readonly of?: string;
  readonly name?: string;
  readonly values?: readonly number[];
  readonly [field: string]: unknown;
}

const lines = readFileSync(new URL("golden.jsonl", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Line);
const samples = new Map(lines.flatMap(({ name, values }) => (name === undefined ? [] : [[name, values!] as const])));

/** The cases of one function; `count` is what the file has, so that a case that is lost is seen. */
function golden<Case>(of: string, count: number, check: (each: Case) => void): void {
  test(`${of} gives what SciPy gives (${count} cases)`, () => {
    const cases = lines.filter((line) => line.of === of);
    assert.equal(cases.length, count);
    for (const each of cases) {
      try {
        check(each as Case);
      } catch (error) {
        throw new Error(`${JSON.stringify(each)}: ${(error as Error).message}`, { cause: error });
      }
    }
  });
}

function sample(name: string): readonly number[] {
  const values = samples.get(name);
  assert.ok(values !== undefined, `golden.jsonl has no sample "${name}"`);
  return values;
}

function sorted(name: string): Float64Array {
  return sortedCopy(sample(name));
}

/** Within `relative` of the expected value, or of `scale` where that is larger. */
function near(actual: number, expected: number, relative = 1e-12, scale = 0): void {
  const distance = Math.abs(actual - expected);
  assert.ok(distance <= relative * Math.max(Math.abs(expected), scale), `got ${actual}, SciPy ${expected}`);
}

golden<{ sample: string; q: number; value: number }>("quantile", 360, (each) => {
  near(quantile(sorted(each.sample), each.q), each.value, 1e-14);
});

golden<{ sample: string; q: number; confidence: number; ends: [number, number] | null }>("quantileInterval", 360, (each) => {
  const interval = quantileInterval(sorted(each.sample), each.q, each.confidence);
  if (each.ends === null) {
    assert.equal(interval.ok ? "an interval" : interval.failure.code, "TOO_FEW_SAMPLES");
  } else {
    assert.deepEqual(interval, { ok: true, value: { low: each.ends[0], high: each.ends[1], confidence: each.confidence } });
  }
});

golden<{ q: number; confidence: number; count: number }>("samplesForQuantile", 21, (each) => {
  assert.equal(samplesForQuantile(each.q, each.confidence), each.count);
});

golden<{ z: number; value: number }>("normalSurvival", 20, (each) => near(normalSurvival(each.z), each.value));

golden<{ k: number; n: number; p: number; value: number }>("binomialPmf", 235, (each) => {
  near(binomialPmf(each.k, each.n, each.p), each.value, 1e-10);
});

golden<{ k: number; n: number; p: number; value: number }>("binomialCdf", 235, (each) => {
  near(binomialCdf(each.k, each.n, each.p), each.value, 1e-10);
});

golden<{ probability: number; n: number; p: number; k: number }>("binomialQuantile", 200, (each) => {
  assert.equal(binomialQuantile(each.probability, each.n, each.p), each.k);
});

interface MannWhitneyCase {
  readonly a: string;
  readonly b: string;
  readonly u: number;
  readonly p: number;
  readonly cliffsDelta: number;
}

interface SignedRankCase {
  readonly sample: string;
  readonly shift: number;
  readonly wPlus: number;
  readonly p: number;
  readonly pseudomedian: number;
  readonly ends: readonly [number, number] | null;
}

golden<SignedRankCase>("signedRank", 78, (each) => {
  const result = signedRank(sample(each.sample).map((value) => value - each.shift));
  assert.ok(result.ok);
  const { wPlus, p, pseudomedian, interval } = result.value;
  assert.equal(wPlus, each.wPlus);
  near(p, each.p, 1e-10);
  near(pseudomedian, each.pseudomedian, 1e-12, 1e-12);
  if (each.ends !== null) assert.deepEqual([interval.low, interval.high], each.ends);
});

golden<MannWhitneyCase>("mannWhitney", 27, (each) => {
  const result = mannWhitney(sample(each.a), sample(each.b));
  assert.ok(result.ok);
  assert.equal(result.value.u, each.u);
  near(result.value.p, each.p);
  near(result.value.cliffsDelta, each.cliffsDelta, 1e-12, 1);
});

golden<{ ps: number[]; adjusted: number[] }>("holm", 6, (each) => {
  const adjusted = holm(each.ps);
  assert.equal(adjusted.length, each.adjusted.length);
  for (const [index, p] of adjusted.entries()) near(p, each.adjusted[index]!);
});

/** The values of some rows of a sample, counted. */
function tallyOf(values: readonly number[]): number[] {
  const counts = new Map<number, number>();
  for (const value of sortedCopy(values)) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].flat();
}

golden<{ sample: string; censored: number[]; values: number[]; shares: number[] }>("productLimit", 14, (each) => {
  const isCensored = new Set(each.censored);
  const pick = (wanted: boolean) => tallyOf(sample(each.sample).filter((_, index) => isCensored.has(index) === wanted));
  const { values, shares } = productLimit(pick(false), pick(true));
  assert.deepEqual([...values], each.values);
  for (const [index, share] of shares.entries()) near(share, each.shares[index]!, 1e-12, 1);
});

golden<{ sample: string; fences: number[] }>("tukeyFences", 30, (each) => {
  const { severeLow, low, high, severeHigh } = tukeyFences(sorted(each.sample));
  const scale = Math.max(...each.fences.map(Math.abs));
  for (const [index, fence] of [severeLow, low, high, severeHigh].entries()) near(fence, each.fences[index]!, 1e-12, scale);
});

golden<{ sample: string; scores: number[] }>("modifiedZScores", 27, (each) => {
  const scores = modifiedZScores(sample(each.sample));
  assert.equal(scores.length, each.scores.length);
  for (const [index, score] of scores.entries()) near(score, each.scores[index]!, 1e-9, 1e-6);
});

golden<{ sample: string; value: number }>("lagOneAutocorrelation", 26, (each) => {
  near(lagOneAutocorrelation(sample(each.sample))!, each.value, 1e-9, 1e-3);
});

golden<{ sample: string; tau: number; p: number }>("trendTest", 26, (each) => {
  const trend = trendTest(sample(each.sample))!;
  near(trend.tau, each.tau, 1e-12, 1);
  near(trend.p, each.p, 1e-11);
});

interface Band {
  readonly statistic: "median" | "mean" | "p90";
  readonly confidence: number;
  readonly low: [number, number];
  readonly high: [number, number];
}

const STATISTICS: Readonly<Record<Band["statistic"], Statistic>> = {
  median: (values) => quantile(values, 0.5),
  mean: (values) => values.reduce((sum, value) => sum + value, 0) / values.length,
  p90: (values) => quantile(values, 0.9),
};
const BOOTSTRAP = { seed: 7, resampleCount: 20_000 };

/** Within the range of SciPy's seeds, give or take 2% of the interval's width. */
function assertInBand(interval: Interval, band: Band): void {
  const slack = 0.02 * (band.high[1] - band.low[0]);
  for (const end of ["low", "high"] as const) {
    const [least, most] = band[end];
    const value = interval[end];
    assert.ok(value >= least - slack && value <= most + slack, `${end} is ${value}, SciPy's seeds give ${least} to ${most}`);
  }
}

golden<Band & { a: string; b: string }>("bootstrapRatioInterval", 15, (each) => {
  const options = { ...BOOTSTRAP, confidence: each.confidence };
  const interval = bootstrapRatioInterval(sample(each.a), sample(each.b), STATISTICS[each.statistic], options);
  assert.ok(interval.ok);
  assertInBand(interval.value, each);
});
