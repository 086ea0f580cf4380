/**
 * The Mann-Whitney U test, two-sided: do values of one side tend to be larger
 * than those of the other? Ranks only, so one outlier weighs as much as any
 * other sample. Exact where a side has at most 8 samples and none are tied,
 * else normal with tie and continuity correction: SciPy's method "auto".
 * Assumes independent samples; drift.ts says when they are not.
 */
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import { normalSurvival } from "./normal.ts";
import { checkSamples, type Samples, sortedCopy } from "./samples.ts";

export interface MannWhitney {
  /** Of the first side, as SciPy's: pairs in which a is larger, ties for half. */
  readonly u: number;
  readonly p: number;
  /** -1 to 1; above zero when b is larger: the share of pairs in which it is, less the share in which a is. */
  readonly cliffsDelta: number;
}

const EXACT_COUNT_MAX = 8;

export function mannWhitney(a: Samples, b: Samples): Result<MannWhitney> {
  const failure: Failure | null =
    checkSamples(a, 1, "a Mann-Whitney test (first side)") ?? checkSamples(b, 1, "a Mann-Whitney test (second side)");
  if (failure !== null) return fail(failure);
  const sortedA = sortedCopy(a);
  const sortedB = sortedCopy(b);
  const pairCount = sortedA.length * sortedB.length;
  const { u, tieTerm } = rank(sortedA, sortedB);
  const isExact = tieTerm === 0 && Math.min(sortedA.length, sortedB.length) <= EXACT_COUNT_MAX;
  const p = isExact ? exactP(u, sortedA.length, sortedB.length) : asymptoticP(u, sortedA.length, sortedB.length, tieTerm);
  return ok({ u, p, cliffsDelta: 1 - (2 * u) / pairCount });
}

/** How many samples a side it takes before any difference, however clear, can give p < alpha. */
export function samplesForSignificance(alpha: number): number {
  let count = 1;
  while (pOfDisjoint(count) >= alpha) count++;
  return count;
}

function pOfDisjoint(count: number): number {
  return count <= EXACT_COUNT_MAX ? exactP(0, count, count) : asymptoticP(0, count, count, 0);
}

/** One walk over both: U of a, and the sum of t^3 - t over groups of t equal values. */
function rank(sortedA: Float64Array, sortedB: Float64Array): { u: number; tieTerm: number } {
  let indexA = 0;
  let indexB = 0;
  let u = 0;
  let tieTerm = 0;
  while (indexA < sortedA.length || indexB < sortedB.length) {
    const value = Math.min(sortedA[indexA] ?? Number.POSITIVE_INFINITY, sortedB[indexB] ?? Number.POSITIVE_INFINITY);
    const [startA, startB] = [indexA, indexB];
    while (sortedA[indexA] === value) indexA++;
    while (sortedB[indexB] === value) indexB++;
    const [equalA, equalB] = [indexA - startA, indexB - startB];
    u += equalA * (startB + equalB / 2);
    const equal = equalA + equalB;
    tieTerm += equal ** 3 - equal;
  }
  return { u, tieTerm };
}

function asymptoticP(u: number, n: number, m: number, tieTerm: number): number {
  const total = n + m;
  const variance = ((n * m) / 12) * (total + 1 - tieTerm / (total * (total - 1)));
  // All values equal: nothing speaks for a difference.
  if (variance <= 0) return 1;
  const z = (Math.abs(u - (n * m) / 2) - 0.5) / Math.sqrt(variance);
  return Math.min(1, 2 * normalSurvival(z));
}

/**
 * Of all ways to deal the ranks, the share with a U as far out. The counts are
 * the coefficients of the Gaussian binomial, built factor by factor; they
 * outgrow a double at 8 against 300 samples, and differences of rounded ones
 * would spoil the tail, hence BigInt.
 */
function exactP(u: number, n: number, m: number): number {
  const [fewer, more] = n < m ? [n, m] : [m, n];
  const last = Math.min(u, n * m - u);
  const counts = new Array<bigint>(last + 1).fill(0n);
  counts[0] = 1n;
  let total = 1n;
  for (let i = 1; i <= fewer; i++) {
    for (let k = last; k >= more + i; k--) counts[k]! -= counts[k - more - i]!;
    for (let k = i; k <= last; k++) counts[k]! += counts[k - i]!;
    total = (total * BigInt(more + i)) / BigInt(i);
  }
  const asFarOut = counts.reduce((sum, count) => sum + count, 0n);
  return Math.min(1, (2 * Number(asFarOut)) / Number(total));
}
