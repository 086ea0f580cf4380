/**
 * The Wilcoxon signed-rank test, two-sided: do paired differences lie to one
 * side of zero? With the estimate that belongs to it, the pseudomedian (the
 * median of all Walsh averages, Hodges and Lehmann 1963), and its interval from
 * the same averages (Hollander, Wolfe and Chicken, "Nonparametric Statistical
 * Methods", 3.2 and 3.3). Assumes pairs that are independent of each other and
 * differences that are symmetric about their median.
 * Exact up to 50 pairs without ties and zeroes, else normal with tie correction
 * and without continuity correction: SciPy's wilcoxon.
 */
import { assert } from "../base/assert.ts";
import { fail, ok, type Result } from "../base/result.ts";
import { normalSurvival } from "./normal.ts";
import { quantile } from "./quantile.ts";
import { DEFAULT_CONFIDENCE, type Interval } from "./quantile-interval.ts";
import { checkSamples, type Samples } from "./samples.ts";

export interface SignedRank {
  /** Sum of the ranks of the differences above zero. */
  readonly wPlus: number;
  readonly p: number;
  readonly pseudomedian: number;
  /** Of the pseudomedian; reaches at least the confidence asked for. */
  readonly interval: Interval;
}

const EXACT_COUNT_MAX = 50;
/** All averages of pairs are listed: n * (n + 1) / 2. */
const COUNT_MAX = 2_000;

export function signedRank(differences: Samples, confidence = DEFAULT_CONFIDENCE): Result<SignedRank> {
  const failure = checkSamples(differences, pairsForInterval(confidence), "a signed-rank test");
  if (failure !== null) return fail(failure);
  assert(differences.length <= COUNT_MAX, `a signed-rank test is for at most ${COUNT_MAX} pairs`);
  const { wPlus, rankCount, tieTerm, hasZeros } = rank(differences);
  const isExact = rankCount <= EXACT_COUNT_MAX && tieTerm === 0 && !hasZeros;
  const p = isExact ? exactP(wPlus, rankCount) : asymptoticP(wPlus, rankCount, tieTerm);
  const averages = walshAverages(differences);
  const cut = averagesCut(differences.length, confidence);
  return ok({
    wPlus,
    p,
    pseudomedian: quantile(averages, 0.5),
    interval: { low: averages[cut]!, high: averages[averages.length - 1 - cut]!, confidence },
  });
}

/** The least count of pairs with an interval of this confidence, and with any p below 1 - confidence: 6 for 95%. */
export function pairsForInterval(confidence: number): number {
  assert(confidence > 0 && confidence < 1, `a confidence lies between 0 and 1, not at ${confidence}`);
  let count = 1;
  while (2 ** (1 - count) >= 1 - confidence) count++;
  return count;
}

interface Ranks {
  readonly wPlus: number;
  /** Of differences that are not zero. */
  readonly rankCount: number;
  /** Sum of t^3 - t over groups of t equal sizes. */
  readonly tieTerm: number;
  readonly hasZeros: boolean;
}

function rank(differences: Samples): Ranks {
  const nonZero = Array.from(differences)
    .filter((difference) => difference !== 0)
    .sort((one, other) => Math.abs(one) - Math.abs(other));
  let wPlus = 0;
  let tieTerm = 0;
  for (let start = 0; start < nonZero.length; ) {
    const size = Math.abs(nonZero[start]!);
    let end = start + 1;
    while (end < nonZero.length && Math.abs(nonZero[end]!) === size) end++;
    // Ranks count from 1; equal sizes share the mean of theirs.
    const shared = (start + 1 + end) / 2;
    for (let index = start; index < end; index++) if (nonZero[index]! > 0) wPlus += shared;
    const equal = end - start;
    tieTerm += equal ** 3 - equal;
    start = end;
  }
  return { wPlus, rankCount: nonZero.length, tieTerm, hasZeros: nonZero.length < differences.length };
}

function exactP(wPlus: number, count: number): number {
  const sum = (count * (count + 1)) / 2;
  const tail = cumulative(count)[Math.min(wPlus, sum - wPlus)]!;
  return Math.min(1, 2 * tail);
}

function asymptoticP(wPlus: number, count: number, tieTerm: number): number {
  const variance = (count * (count + 1) * (2 * count + 1)) / 24 - tieTerm / 48;
  // No difference at all: nothing speaks for one.
  if (variance <= 0) return 1;
  return Math.min(1, 2 * normalSurvival(Math.abs(wPlus - (count * (count + 1)) / 4) / Math.sqrt(variance)));
}

/** P(W+ <= w) for every w: of all subsets of the ranks 1 to count, those whose sum is at most w. 2^50 is exact in a double. */
function cumulative(count: number): Float64Array {
  const sum = (count * (count + 1)) / 2;
  const ways = new Float64Array(sum + 1);
  ways[0] = 1;
  for (let next = 1; next <= count; next++) for (let w = sum; w >= next; w--) ways[w]! += ways[w - next]!;
  const total = 2 ** count;
  for (let w = 0, before = 0; w <= sum; w++) {
    before += ways[w]!;
    ways[w] = before / total;
  }
  return ways;
}

/** How many averages lie outside the interval at each end. */
function averagesCut(count: number, confidence: number): number {
  const tail = (1 - confidence) / 2;
  const exact = count <= EXACT_COUNT_MAX ? cumulative(count) : null;
  const mean = (count * (count + 1)) / 4;
  const deviation = Math.sqrt((count * (count + 1) * (2 * count + 1)) / 24);
  const below = (w: number): number => exact?.[w] ?? normalSurvival((mean - w) / deviation);
  // The greatest rank sum that is as rare as the tail; bisected, as sums grow with the square of the count.
  let [low, high] = [-1, Math.floor(mean)];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (below(middle) <= tail) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}

function walshAverages(differences: Samples): Float64Array {
  const count = differences.length;
  const averages = new Float64Array((count * (count + 1)) / 2);
  for (let one = 0, next = 0; one < count; one++) {
    for (let other = one; other < count; other++) averages[next++] = (differences[one]! + differences[other]!) / 2;
  }
  return averages.sort();
}
