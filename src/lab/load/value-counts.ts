/**
 * ValueCounts: a histogram as pairs of value and count. As small as what was
 * recorded, it crosses threads, and long runs keep their seconds in it. Pure.
 */

/** value, count, value, count, … ascending. */
export type ValueCounts = Float64Array<ArrayBuffer>;

/** What both hold. */
export function addCounts(a: ValueCounts, b: ValueCounts): ValueCounts {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const sum = new Float64Array(a.length + b.length);
  let filled = 0;
  for (let [atA, atB] = [0, 0]; atA < a.length || atB < b.length; filled += 2) {
    const takesA = atB === b.length || (atA < a.length && a[atA]! <= b[atB]!);
    const takesB = atA === a.length || (atB < b.length && b[atB]! <= a[atA]!);
    sum[filled] = takesA ? a[atA]! : b[atB]!;
    if (takesA) {
      sum[filled + 1]! += a[atA + 1]!;
      atA += 2;
    }
    if (takesB) {
      sum[filled + 1]! += b[atB + 1]!;
      atB += 2;
    }
  }
  return sum.slice(0, filled);
}

export function countOf(pairs: ValueCounts): number {
  let count = 0;
  for (let at = 1; at < pairs.length; at += 2) count += pairs[at]!;
  return count;
}

/** The least value that the share lies at or below; 0 without values. */
export function quantileOfCounts(pairs: ValueCounts, quantile: number): number {
  const wanted = quantile * countOf(pairs);
  let count = 0;
  for (let at = 0; at < pairs.length; at += 2) {
    count += pairs[at + 1]!;
    if (count >= wanted) return pairs[at]!;
  }
  return pairs.at(-2) ?? 0;
}
