/**
 * What a run can say of a quantile of its latency: the value, its interval
 * where the run was long enough for one, that it is a lower bound because
 * those above it got no answer, or that too few answers stand behind it. A p99
 * of 50 answers is their maximum under another name: whatever prints a
 * quantile asks here first.
 */
import { quantileName } from "../../stats/quantile.ts";
import { type Interval, samplesForQuantile } from "../../stats/quantile-interval.ts";
import type { Distribution, LoadResult } from "../load/result.ts";
import { formatCount } from "./format.ts";

export interface QuantileEstimate {
  readonly quantile: number;
  /** From the intended send time; 0 without answers. */
  readonly us: number;
  /** The quantile is that or more. */
  readonly isLowerBound: boolean;
  readonly interval: Interval | null;
  /** Why the value can't be relied on, with what it would take; null when it can. */
  readonly tooFew: string | null;
}

export function estimateQuantile(result: LoadResult, quantile: number): QuantileEstimate {
  const { latency } = result;
  const { count } = latency;
  const estimate = { quantile, us: quantileOf(latency, quantile), isLowerBound: isLowerBound(latency, quantile), interval: null };
  if (count === 0) return { ...estimate, tooFew: "no answer passed its checks, so there is no latency" };
  const needed = samplesForQuantile(quantile);
  if (count < needed) {
    const tooFew = `${quantileName(quantile)} of ${formatCount(count)} ${count === 1 ? "sample" : "samples"}: too few (it needs ${formatCount(needed)})`;
    return { ...estimate, tooFew };
  }
  const found = estimate.isLowerBound ? undefined : result.latencyIntervals.find((interval) => interval.quantile === quantile);
  if (found === undefined) return { ...estimate, tooFew: null };
  // Seconds are counted with two digits, the whole run with three.
  const [low, high] = [Math.min(estimate.us, found.lowUs), Math.max(estimate.us, found.highUs)];
  return { ...estimate, interval: { low, high, confidence: found.confidence }, tooFew: null };
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

/** Shares are quotients of counts: equal ones may differ by a rounding. */
const ROUNDING = 1e-9;

/** Enough values stand behind it, and it is more than a lower bound. */
export function isKnown(distribution: Distribution, quantile: number): boolean {
  return distribution.count >= samplesForQuantile(quantile) && !isLowerBound(distribution, quantile);
}

export function isLowerBound({ knownShare }: Distribution, quantile: number): boolean {
  return quantile > knownShare + ROUNDING;
}
