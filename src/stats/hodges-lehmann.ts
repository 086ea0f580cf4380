/**
 * The Hodges-Lehmann shift: the median of all differences b - a, the location
 * estimate that belongs to the Mann-Whitney test. The n * m differences are
 * never listed: the k-th smallest is found by bisecting values and counting
 * the differences at or below each, (n + m) steps a count.
 */
import { assert } from "../base/assert.ts";

/** Both ascend and are not empty. */
export function hodgesLehmannShift(sortedA: Float64Array, sortedB: Float64Array): number {
  const pairCount = sortedA.length * sortedB.length;
  assert(pairCount > 0, "a shift between no samples was asked for");
  const upper = smallestDifference(sortedA, sortedB, Math.floor(pairCount / 2) + 1);
  if (pairCount % 2 === 1) return upper;
  return (smallestDifference(sortedA, sortedB, pairCount / 2) + upper) / 2;
}

/** The k-th smallest, k from 1: the least double at or below which k differences lie is itself one of them. */
function smallestDifference(sortedA: Float64Array, sortedB: Float64Array, k: number): number {
  let low = sortedB[0]! - sortedA.at(-1)!;
  let high = sortedB.at(-1)! - sortedA[0]!;
  if (countAtMost(sortedA, sortedB, low) >= k) return low;
  for (;;) {
    const middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) return high;
    if (countAtMost(sortedA, sortedB, middle) >= k) high = middle;
    else low = middle;
  }
}

function countAtMost(sortedA: Float64Array, sortedB: Float64Array, limit: number): number {
  let count = 0;
  let reached = 0;
  for (const a of sortedA) {
    while (reached < sortedB.length && sortedB[reached]! - a <= limit) reached++;
    count += reached;
  }
  return count;
}
