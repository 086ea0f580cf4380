/**
 * Bootstrap intervals: the spread of a statistic over samples redrawn from the
 * samples, by the percentile method. Not BCa: its acceleration comes from the
 * jackknife, which is inconsistent for medians and quantiles, and those are
 * what we bootstrap. Seeded, so that a report can be computed again.
 * Resamples are handed over in ascending order, made by counting instead of
 * sorting: 10,000 resamples of 200 take about 50 ms.
 */
import { assert } from "../base/assert.ts";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import { quantile } from "./quantile.ts";
import { DEFAULT_CONFIDENCE, type Interval } from "./quantile-interval.ts";
import { createRandom } from "./random.ts";
import { checkPositive, type Samples, sortedCopy } from "./samples.ts";

/** Gets a resample, ascending; must not keep it, and must return a finite number. */
export type Statistic = (sorted: Float64Array) => number;

export interface BootstrapOptions {
  readonly seed: number;
  readonly resampleCount?: number;
  readonly confidence?: number;
}

export const DEFAULT_RESAMPLE_COUNT = 10_000;
/** No resample leaves the samples' range, which holds the median in 94% of draws of 5, of 4 in 87%. */
export const BOOTSTRAP_SAMPLES_MIN = 5;

/** Of statistic(b) / statistic(a); all samples are above zero. */
export function bootstrapRatioInterval(a: Samples, b: Samples, statistic: Statistic, options: BootstrapOptions): Result<Interval> {
  const failure: Failure | null =
    checkPositive(a, BOOTSTRAP_SAMPLES_MIN, "the interval of a ratio (first side)") ??
    checkPositive(b, BOOTSTRAP_SAMPLES_MIN, "the interval of a ratio (second side)");
  if (failure !== null) return fail(failure);
  const random = createRandom(options.seed);
  const redrawA = createResampler(a, random);
  const redrawB = createResampler(b, random);
  return ok(percentileInterval(() => statistic(redrawB()) / statistic(redrawA()), options));
}

function percentileInterval(draw: () => number, options: BootstrapOptions): Interval {
  const { resampleCount = DEFAULT_RESAMPLE_COUNT, confidence = DEFAULT_CONFIDENCE } = options;
  assert(Number.isSafeInteger(resampleCount) && resampleCount >= 100, `at least 100 resamples, not ${resampleCount}`);
  assert(confidence > 0 && confidence < 1, `a confidence lies between 0 and 1, not at ${confidence}`);
  const statistics = new Float64Array(resampleCount);
  for (let i = 0; i < resampleCount; i++) {
    const value = draw();
    assert(Number.isFinite(value), `a statistic of a resample is ${value}`);
    statistics[i] = value;
  }
  statistics.sort();
  const tail = (1 - confidence) / 2;
  return { low: quantile(statistics, tail), high: quantile(statistics, 1 - tail), confidence };
}

/** Each call overwrites and returns the same array. */
function createResampler(values: Samples, random: () => number): () => Float64Array {
  const sorted = sortedCopy(values);
  const n = sorted.length;
  const drawn = new Uint32Array(n);
  const resample = new Float64Array(n);
  return () => {
    drawn.fill(0);
    for (let i = 0; i < n; i++) drawn[Math.floor(random() * n)]!++;
    let end = 0;
    for (let i = 0; i < n; i++) {
      const value = sorted[i]!;
      for (let copies = drawn[i]!; copies > 0; copies--) resample[end++] = value;
    }
    return resample;
  };
}
