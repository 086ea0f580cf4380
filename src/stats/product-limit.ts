/**
 * The product-limit estimate of a distribution, where of some values only a
 * lower bound is known (right-censored: a request that was given up would have
 * taken as long as it had waited, or longer). Kaplan and Meier,
 * "Nonparametric estimation from incomplete observations", 1958; SciPy's ecdf
 * does the same. It takes censoring for independent of the value: what was cut
 * off because it was slow has to be handed in as the longest of all.
 */
import { assert } from "../base/assert.ts";

/** value, count, value, count, … with values ascending. */
export type Tally = ArrayLike<number>;

export interface ProductLimit {
  /** Those that were seen whole, ascending. */
  readonly values: Float64Array;
  /** Of all, estimated to lie at or below each. Where the last stays below 1, nothing is known of the rest. */
  readonly shares: Float64Array;
}

/** `censored` values may be infinite: those outlast all others. */
export function productLimit(observed: Tally, censored: Tally): ProductLimit {
  const values = new Float64Array(observed.length / 2);
  const shares = new Float64Array(observed.length / 2);
  let atRisk = totalOf(observed) + totalOf(censored);
  // Between two censored values the product telescopes into one quotient: exact where nothing is censored.
  let surviving = 1;
  let atRiskBefore = atRisk;
  let next = 0;
  for (let index = 0; index < values.length; index++) {
    const value = observed[2 * index]!;
    assert(index === 0 || value > values[index - 1]!, "the values of a tally do not ascend");
    let leaving = 0;
    // One that is censored at a value that was seen is taken for longer than it.
    for (; next < censored.length && censored[next]! < value; next += 2) leaving += censored[next + 1]!;
    if (leaving > 0) {
      surviving *= atRisk / atRiskBefore;
      atRisk -= leaving;
      atRiskBefore = atRisk;
    }
    atRisk -= observed[2 * index + 1]!;
    values[index] = value;
    shares[index] = 1 - surviving * (atRisk / atRiskBefore);
  }
  return { values, shares };
}

/** Quotients of counts miss a share of theirs by less. */
const ROUNDING = 1e-12;

/** The least value that the share q lies at or below; null where the estimate does not reach it. */
export function productLimitQuantile({ values, shares }: ProductLimit, q: number): number | null {
  assert(q >= 0 && q <= 1, `a quantile lies between 0 and 1, not at ${q}`);
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (shares[middle]! >= q - ROUNDING) high = middle;
    else low = middle + 1;
  }
  return low < values.length ? values[low]! : null;
}

function totalOf(tally: Tally): number {
  let total = 0;
  for (let at = 1; at < tally.length; at += 2) total += tally[at]!;
  return total;
}
