/**
 * Histograms of microseconds: HdrHistogram with three digits up to an hour, in
 * pure JavaScript (its WebAssembly form has memory that nobody collects). They
 * cross threads as value counts, because a class does not survive postMessage. Quantiles are HdrHistogram's own: values that were recorded,
 * never interpolated ones.
 */
import { Int32Histogram } from "hdr-histogram-js";
import type { Distribution } from "./result.ts";
import type { ValueCounts } from "./value-counts.ts";

const HIGHEST_US = 3_600_000_000;
const DIGITS = 3;
/** For one second of the run: a percent is finer than a plot shows, and an hour has 3,600 of them. */
const COARSE_DIGITS = 2;

export class UsHistogram {
  readonly #counts: Int32Histogram;

  constructor(digits: number = DIGITS) {
    this.#counts = new Int32Histogram(1, HIGHEST_US, digits);
  }

  static coarse(): UsHistogram {
    return new UsHistogram(COARSE_DIGITS);
  }

  /** Hot path. Clocks of two threads may disagree by a little: less than nothing counts as nothing. */
  recordMs(ms: number): void {
    const us = Math.round(ms * 1_000);
    this.#counts.recordValue(us > 0 ? Math.min(us, HIGHEST_US) : 0);
  }

  addMany(us: number, count: number): void {
    if (count > 0) this.#counts.recordValueWithCount(us, count);
  }

  reset(): void {
    this.#counts.reset();
  }

  toValueCounts(): ValueCounts {
    const pairs: number[] = [];
    const iterator = this.#counts.recordedValuesIterator;
    iterator.reset();
    while (iterator.hasNext()) {
      const { valueIteratedTo, countAtValueIteratedTo } = iterator.next();
      pairs.push(valueIteratedTo, countAtValueIteratedTo);
    }
    return Float64Array.from(pairs);
  }

  add(pairs: ValueCounts): void {
    for (let at = 0; at < pairs.length; at += 2) this.#counts.recordValueWithCount(Math.min(pairs[at]!, HIGHEST_US), pairs[at + 1]!);
  }

  distribution(): Distribution {
    const counts = this.#counts;
    if (counts.totalCount === 0) return EMPTY;
    return {
      count: counts.totalCount,
      minUs: counts.getValueAtPercentile(0),
      meanUs: counts.mean,
      standardDeviationUs: counts.stdDeviation,
      maxUs: counts.maxValue,
      censoredCount: 0,
      knownShare: 1,
      ...quantilesOf(counts.totalCount, (quantile) => counts.getValueAtPercentile(quantile * 100)),
    };
  }
}

export function quantilesOf(
  count: number,
  quantileUs: (quantile: number) => number,
): Pick<Distribution, "medianUs" | "p90Us" | "p95Us" | "p99Us" | "p999Us" | "curve"> {
  return {
    medianUs: quantileUs(0.5),
    p90Us: quantileUs(0.9),
    p95Us: quantileUs(0.95),
    p99Us: quantileUs(0.99),
    p999Us: quantileUs(0.999),
    curve: curveQuantiles(count).map((quantile) => ({ quantile, us: quantileUs(quantile) })),
  };
}

const EMPTY: Distribution = {
  count: 0,
  minUs: 0,
  meanUs: 0,
  standardDeviationUs: 0,
  medianUs: 0,
  p90Us: 0,
  p95Us: 0,
  p99Us: 0,
  p999Us: 0,
  maxUs: 0,
  censoredCount: 0,
  knownShare: 1,
  curve: [],
};

const POINTS_PER_HALVING = 16;

/** HdrHistogram's own spacing: as many points between 50% and 75% as between 99.8% and 99.9%, down to the last value. */
function curveQuantiles(count: number): number[] {
  const quantiles = [0];
  for (let left = 1; left * count >= 1; left *= 2 ** (-1 / POINTS_PER_HALVING)) {
    if (left < 1) quantiles.push(1 - left);
  }
  quantiles.push(1);
  return quantiles;
}
