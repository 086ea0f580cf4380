/**
 * Quantiles by linear interpolation between order statistics: Hyndman and
 * Fan's type 7, the default of SciPy, NumPy and R.
 * Callers check their samples first (samples.ts): an empty or NaN input here
 * is our own mistake and is asserted.
 */
import { assert } from "../base/assert.ts";
import { type Samples, sortedCopy } from "./samples.ts";

/** `sorted` ascends; q is 0 to 1. */
export function quantile(sorted: Samples, q: number): number {
  assert(sorted.length > 0, "a quantile of no samples was asked for");
  assert(q >= 0 && q <= 1, `a quantile lies between 0 and 1, not at ${q}`);
  const position = (sorted.length - 1) * q;
  const index = Math.floor(position);
  const below = sorted[index]!;
  const above = sorted[Math.min(index + 1, sorted.length - 1)]!;
  const share = position - index;
  // From the nearer end, as NumPy does: the result never leaves [below, above].
  const value = share < 0.5 ? below + (above - below) * share : above - (above - below) * (1 - share);
  assert(!Number.isNaN(value), "a quantile of unchecked samples was asked for");
  return value;
}

export function median(values: Samples): number {
  return quantile(sortedCopy(values), 0.5);
}

/** 0.999 -> "p99.9", 0.5 -> "median". */
export function quantileName(q: number): string {
  return q === 0.5 ? "median" : `p${Number((q * 100).toPrecision(10))}`;
}
