/**
 * What a run can say of a quantile of its latency: the value, its interval
 * where every request's own time was kept, or that too few answers stand
 * behind it. A p99 of 50 answers is their maximum under another name: whatever
 * prints a quantile asks here first.
 */
import { quantileName } from "../../stats/quantile.ts";
import { type Interval, quantileInterval, samplesForQuantile } from "../../stats/quantile-interval.ts";
import type { Distribution, LoadResult } from "../load/result.ts";
import { formatCount } from "./format.ts";

export interface QuantileEstimate {
  readonly quantile: number;
  /** From the intended send time; 0 without answers. */
  readonly us: number;
  readonly interval: Interval | null;
  /** Why the value can't be relied on, with what it would take; null when it can. */
  readonly tooFew: string | null;
}

/** The quantiles that every report shows. */
export const REPORTED_QUANTILES = [0.5, 0.9, 0.95, 0.99, 0.999] as const;

export function estimateQuantile(result: LoadResult, quantile: number): QuantileEstimate {
  const { count } = result.latency;
  const us = quantileOf(result.latency, quantile);
  if (count === 0) return { quantile, us: 0, interval: null, tooFew: "no answer passed its checks, so there is no latency" };
  const needed = samplesForQuantile(quantile);
  if (count < needed) {
    const tooFew = `${quantileName(quantile)} of ${formatCount(count)} ${count === 1 ? "sample" : "samples"}: too few (it needs ${formatCount(needed)})`;
    return { quantile, us, interval: null, tooFew };
  }
  const interval = result.samples === null ? null : quantileInterval(sortedLatencies(result), quantile);
  return { quantile, us, interval: interval?.ok ? interval.value : null, tooFew: null };
}

/** The value at or below which the share lies; 0 without values. */
export function quantileOf(distribution: Distribution, quantile: number): number {
  const named: Readonly<Record<string, number>> = {
    "0.5": distribution.medianUs,
    "0.9": distribution.p90Us,
    "0.95": distribution.p95Us,
    "0.99": distribution.p99Us,
    "0.999": distribution.p999Us,
  };
  return named[String(quantile)] ?? distribution.curve.find((point) => point.quantile >= quantile)?.us ?? distribution.maxUs;
}

/** Sorted once for each result: five quantiles of a million requests are asked for. */
const sortedOf = new WeakMap<LoadResult, Float64Array>();

function sortedLatencies(result: LoadResult): Float64Array {
  let sorted = sortedOf.get(result);
  if (sorted === undefined) {
    const { latencyUs, failed } = result.samples!;
    sorted = latencyUs.filter((_, index) => failed[index] === 0).sort();
    sortedOf.set(result, sorted);
  }
  return sorted;
}
