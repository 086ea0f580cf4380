/**
 * Holm's correction: with twenty comparisons at 5% one false alarm is to be
 * expected; adjusted p-values keep the chance of any at alpha. Uniformly
 * better than Bonferroni and, like it, valid whatever the dependence
 * (S. Holm, Scandinavian Journal of Statistics 6, 1979).
 */
import { assert } from "../base/assert.ts";

/** Adjusted p-values, in the order given. */
export function holm(ps: readonly number[]): number[] {
  const adjusted = new Array<number>(ps.length);
  const ascending = ps.map((_, index) => index).sort((i, j) => ps[i]! - ps[j]!);
  let floor = 0;
  for (const [place, index] of ascending.entries()) {
    const p = ps[index]!;
    assert(p >= 0 && p <= 1, `a p-value lies between 0 and 1, not at ${p}`);
    floor = Math.max(floor, Math.min(1, p * (ps.length - place)));
    adjusted[index] = floor;
  }
  return adjusted;
}
