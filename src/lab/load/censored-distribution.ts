/**
 * The distribution of a latency of which some values are cut off: requests
 * given up without an answer would have taken as long as they had waited, or
 * longer. Left out, the slowest would be the ones that don't show; taken for
 * answers, a timeout of a second would pass for an answer within it. Pure.
 */
import { productLimit, productLimitQuantile } from "../../stats/product-limit.ts";
import { quantilesOf, type UsHistogram } from "./histogram.ts";
import type { Distribution } from "./result.ts";
import { addCounts, countOf, quantileOfCounts, type ValueCounts } from "./value-counts.ts";

/** Ages that requests had reached when they were given up. */
export interface Censored {
  /** Under way: whatever ended the wait had nothing to do with how long the answer would have taken. */
  readonly sent: ValueCounts;
  /** Still queued behind others when the time was over. */
  readonly unsent: ValueCounts;
}

export function censoredDistribution(answers: UsHistogram, { sent, unsent }: Censored): Distribution {
  const answered = answers.distribution();
  const unsentCount = countOf(unsent);
  const censoredCount = countOf(sent) + unsentCount;
  if (answered.count === 0 || censoredCount === 0) return answered;
  // The end of a queue is cut off because it waits longer than its front did, so it outlasts every answer.
  const outlasting = Float64Array.of(Number.POSITIVE_INFINITY, unsentCount);
  const estimate = productLimit(answers.toValueCounts(), addCounts(sent, outlasting));
  const knownShare = estimate.shares.at(-1)!;
  const longestUs = estimate.values.at(-1)!;
  // Whatever is cut off, no latency is less than the age at which it was.
  const ages = addCounts(addCounts(answers.toValueCounts(), sent), unsent);
  const atLeastUs = (quantile: number): number => Math.max(longestUs, quantileOfCounts(ages, quantile));
  const maxUs = ages.at(-2)!;
  const moments = momentsOf(estimate.values, estimate.shares, maxUs);
  return {
    ...moments,
    ...quantilesOf(answered.count + censoredCount, (quantile) => productLimitQuantile(estimate, quantile) ?? atLeastUs(quantile)),
    count: answered.count + censoredCount,
    censoredCount,
    knownShare,
    minUs: answered.minUs,
    maxUs,
  };
}

/** With the share of which nothing is known at `restUs`. */
function momentsOf(values: Float64Array, shares: Float64Array, restUs: number): Pick<Distribution, "meanUs" | "standardDeviationUs"> {
  const restShare = 1 - shares.at(-1)!;
  let meanUs = restShare * restUs;
  for (const [index, us] of values.entries()) meanUs += (shares[index]! - (shares[index - 1] ?? 0)) * us;
  let variance = restShare * (restUs - meanUs) ** 2;
  for (const [index, us] of values.entries()) variance += (shares[index]! - (shares[index - 1] ?? 0)) * (us - meanUs) ** 2;
  return { meanUs, standardDeviationUs: Math.sqrt(variance) };
}
