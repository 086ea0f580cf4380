/**
 * The numbers behind the page's plots, worked out here so that the page's own
 * script only draws: distribution functions on one grid, histogram bins, and
 * the seconds of the run. Latency is on a logarithmic axis (log10 of
 * microseconds); shares on a scale of nines, where p99, p99.9 and p99.99 are
 * as far apart as they matter. Pure.
 */
import { quantileName } from "../../stats/quantile.ts";
import type { Distribution, LoadResult, SecondPoint } from "../load/result.ts";
import { isOpenLoop } from "./findings.ts";
import { isKnown, isLowerBound, quantileOf } from "./quantile-estimate.ts";

const GRID_POINTS = 480;
const BINS_PER_DECADE = 16;
const MARKED_QUANTILES = [0.5, 0.9, 0.99, 0.999];

export interface PageData {
  readonly cdf: {
    readonly logUs: readonly number[];
    /** On the scale of nines; null outside of what was seen, and where only a lower bound is known. */
    readonly corrected: readonly (number | null)[];
    /** Null in a closed loop, where it says nothing of its own. */
    readonly uncorrected: readonly (number | null)[] | null;
    readonly marks: readonly { readonly name: string; readonly logUs: number; readonly nines: number }[];
    readonly ninesMax: number;
  };
  readonly histogram: {
    /** Middles of the bins. */
    readonly logUs: readonly number[];
    readonly counts: readonly number[];
    readonly binLog: number;
  };
  readonly seconds: {
    readonly second: readonly number[];
    /** Where the last of them is over. */
    readonly endSecond: number;
    /** Counts are those of a whole second; null where so little of one was measured that it says nothing. */
    readonly target: readonly (number | null)[];
    readonly passed: readonly (number | null)[];
    readonly failed: readonly (number | null)[];
    readonly medianLogUs: readonly (number | null)[];
    readonly p99LogUs: readonly (number | null)[];
  };
}

export function pageData(result: LoadResult): PageData {
  const { latency, uncorrected } = result;
  const perSecond = shownSeconds(result);
  const fromLog = logUs(Math.min(latency.minUs, uncorrected.minUs));
  const toLog = Math.max(fromLog + 0.05, logUs(Math.max(latency.maxUs, uncorrected.maxUs)));
  const grid = Array.from({ length: GRID_POINTS }, (_, index) => fromLog + ((toLog - fromLog) * index) / (GRID_POINTS - 1));
  return {
    cdf: {
      logUs: grid,
      corrected: ninesOn(grid, latency),
      uncorrected: isOpenLoop(result) ? ninesOn(grid, uncorrected) : null,
      marks: MARKED_QUANTILES.filter((quantile) => isKnown(latency, quantile)).map((quantile) => ({
        name: quantileName(quantile),
        logUs: logUs(quantileOf(latency, quantile)),
        nines: nines(quantile),
      })),
      ninesMax: Math.max(1, Math.log10(Math.max(1, latency.count))),
    },
    histogram: histogram(result),
    seconds: {
      second: perSecond.map(({ second }) => second),
      endSecond: (perSecond.at(-1)?.second ?? 0) + 1,
      target: perSecond.map((point) => targetOf(result, point)),
      passed: perSecond.map((point) => inWholeSecond(passedCount(point), lengthMs(result, point))),
      failed: perSecond.map((point) => inWholeSecond(point.failedCount, lengthMs(result, point))),
      medianLogUs: perSecond.map(({ latencyCount, medianUs }) => (latencyCount === 0 ? null : logUs(medianUs))),
      p99LogUs: perSecond.map(({ latencyCount, p99Us }) => (latencyCount === 0 ? null : logUs(p99Us))),
    },
  };
}

const SECOND_MS = 1_000;
/** Of less than this, a count says nothing of a whole second, and a latency is that of a few late answers. */
const SHOWN_MIN_MS = 250;
const SLOWER_MIN = 1.25;
/** A closed loop ends with an answer for each user: those few are no part of the story. */
const SLIVER_MIN_SHARE = 0.05;

function passedCount({ completedCount, failedCount }: SecondPoint): number {
  return completedCount - failedCount;
}

/** Those within the measured time from end to end: what a count can be compared in. */
export function wholeSeconds({ perSecond, durationMs }: LoadResult): readonly SecondPoint[] {
  return perSecond.filter(({ second }) => (second + 1) * SECOND_MS <= durationMs);
}

/** With those after the end, in which the last answers came; without a last sliver, unless it holds the slowest of all. */
export function shownSeconds(result: LoadResult): readonly SecondPoint[] {
  const { perSecond } = result;
  const last = perSecond.at(-1);
  if (last === undefined || perSecond.length === 1 || lengthMs(result, last) >= SHOWN_MIN_MS) return perSecond;
  const before = perSecond.slice(0, -1);
  const slowestUs = Math.max(...before.map(({ medianUs }) => medianUs));
  const fullest = Math.max(...before.map(passedCount));
  return passedCount(last) > fullest * SLIVER_MIN_SHARE && last.medianUs > slowestUs * SLOWER_MIN ? perSecond : before;
}

/** How much of a second the run went on for, the wait for the last answers included. */
function lengthMs({ durationMs, drainMs }: LoadResult, { second }: SecondPoint): number {
  return Math.min(SECOND_MS, durationMs + drainMs - second * SECOND_MS);
}

/** What came in a part of a second, as many as would have come in all of it: else the end looks like a collapse. */
function inWholeSecond(count: number, partMs: number): number | null {
  return partMs < SHOWN_MIN_MS ? null : Math.round((count * SECOND_MS) / partMs);
}

function targetOf({ durationMs }: LoadResult, { second, targetCount }: SecondPoint): number | null {
  return targetCount === null ? null : inWholeSecond(targetCount, Math.min(SECOND_MS, durationMs - second * SECOND_MS));
}

/** A tenth of a microsecond is as short as an answer gets: zero has no logarithm. */
function logUs(us: number): number {
  return Math.log10(Math.max(0.1, us));
}

/** 0.9 -> 1, 0.99 -> 2, 0.999 -> 3. */
function nines(share: number): number {
  return -Math.log10(1 - share);
}

function ninesOn(grid: readonly number[], distribution: Distribution): (number | null)[] {
  if (distribution.count === 0) return grid.map(() => null);
  const [from, to] = [logUs(distribution.minUs), logUs(distribution.maxUs)];
  // All of n answers are log10(n) nines: a plot has no place for infinitely many.
  const shareMax = 1 - 1 / Math.max(2, distribution.count);
  const shares = sharesAt(grid, distribution);
  const isShown = (x: number, share: number) => x >= from - 1e-9 && x <= to + 1e-9 && !isLowerBound(distribution, share);
  return grid.map((x, index) => (isShown(x, shares[index]!) ? nines(Math.min(shareMax, shares[index]!)) : null));
}

/** Share of the answers at or below each x (ascending), between the points of the curve by a straight line. */
function sharesAt(grid: readonly number[], { curve, minUs, maxUs }: Distribution): number[] {
  const points = [
    { x: logUs(minUs), share: 0 },
    ...curve.map(({ quantile, us }) => ({ x: logUs(us), share: quantile })),
    { x: logUs(maxUs), share: 1 },
  ];
  let next = 0;
  return grid.map((x) => {
    while (next < points.length && points[next]!.x <= x) next++;
    if (next === 0) return 0;
    if (next === points.length) return 1;
    const [before, after] = [points[next - 1]!, points[next]!];
    return before.share + ((after.share - before.share) * (x - before.x)) / (after.x - before.x);
  });
}

function histogram({ latencyCounts }: LoadResult): PageData["histogram"] {
  const binLog = 1 / BINS_PER_DECADE;
  if (latencyCounts.length === 0) return { logUs: [], counts: [], binLog };
  const binOf = (us: number) => Math.floor(logUs(us) / binLog);
  const first = binOf(latencyCounts[0]!);
  const counts = new Array<number>(binOf(latencyCounts.at(-2)!) - first + 1).fill(0);
  for (let at = 0; at < latencyCounts.length; at += 2) counts[binOf(latencyCounts[at]!) - first]! += latencyCounts[at + 1]!;
  return { logUs: counts.map((_, index) => (first + index + 0.5) * binLog), counts, binLog };
}
