/**
 * Confidence intervals of quantiles from order statistics: how many of n
 * samples lie below a quantile is binomial whatever the distribution, so two
 * of the samples enclose it with a known probability (Conover, "Practical
 * Nonparametric Statistics", 3.2; SciPy's quantile_test does the same).
 * Where no two samples can, it fails and says how many are needed: a p99 of
 * 100 samples is a guess about the largest one.
 */
import { assert } from "../base/assert.ts";
import { fail, ok, type Result } from "../base/result.ts";
import { binomialQuantile } from "./binomial.ts";
import { quantileName } from "./quantile.ts";
import { checkSamples, type Samples } from "./samples.ts";

export interface Interval {
  readonly low: number;
  readonly high: number;
  /** Asked for, 0 to 1; an interval from order statistics reaches at least this. */
  readonly confidence: number;
}

export const DEFAULT_CONFIDENCE = 0.95;

export function quantileInterval(sorted: Samples, q: number, confidence = DEFAULT_CONFIDENCE): Result<Interval> {
  const neededCount = samplesForQuantile(q, confidence);
  const failure = checkSamples(sorted, neededCount, `a ${percent(confidence)} interval of the ${quantileName(q)}`);
  if (failure !== null) return fail(failure);
  const tail = (1 - confidence) / 2;
  const n = sorted.length;
  const low = binomialQuantile(tail, n, q) - 1;
  // The upper end mirrored: a tail computed as 1 - (1 - tail) would lose its digits.
  const high = n - binomialQuantile(tail, n, 1 - q);
  assert(low >= 0 && high < n && low <= high, `no order statistics of ${n} enclose the quantile ${q}`);
  return ok({ low: sorted[low]!, high: sorted[high]!, confidence });
}

/** The least count for which the smallest and the largest sample enclose the quantile: 6 for a median, 368 for a p99. */
export function samplesForQuantile(q: number, confidence = DEFAULT_CONFIDENCE): number {
  assert(q > 0 && q < 1, `an interval is for a quantile between 0 and 1, not ${q}`);
  assert(confidence > 0 && confidence < 1, `a confidence lies between 0 and 1, not at ${confidence}`);
  const tail = (1 - confidence) / 2;
  let count = Math.max(1, Math.floor(Math.log(tail) / Math.log(Math.max(q, 1 - q))));
  while (binomialQuantile(tail, count, q) === 0 || binomialQuantile(tail, count, 1 - q) === 0) count++;
  return count;
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(10))}%`;
}
