/**
 * The numbers behind the page's plots, worked out here so that the page's own
 * script only draws: distribution functions on one grid, histogram bins, and
 * the seconds of the run. Latency is on a logarithmic axis (log10 of
 * microseconds); shares on a scale of nines, where p99, p99.9 and p99.99 are
 * as far apart as they matter. Pure.
 */
import { quantileName } from "../../stats/quantile.ts";
import type { Distribution, LoadResult, SecondPoint } from "../load/result.ts";
import { estimateQuantile } from "./quantile-estimate.ts";

const GRID_POINTS = 480;
const BINS_PER_DECADE = 16;
const MARKED_QUANTILES = [0.5, 0.9, 0.99, 0.999];

export interface PageData {
  readonly cdf: {
    readonly logUs: readonly number[];
    /** On the scale of nines; null outside of what was seen. */
    readonly corrected: readonly (number | null)[];
    readonly uncorrected: readonly (number | null)[];
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
    readonly target: readonly (number | null)[];
    readonly completed: readonly number[];
    readonly failed: readonly number[];
    readonly medianLogUs: readonly (number | null)[];
    readonly p99LogUs: readonly (number | null)[];
  };
}

export function pageData(result: LoadResult): PageData {
  const { latency, uncorrected } = result;
  const perSecond = wholeSeconds(result);
  const fromLog = logUs(Math.min(latency.minUs, uncorrected.minUs));
  const toLog = Math.max(fromLog + 0.05, logUs(Math.max(latency.maxUs, uncorrected.maxUs)));
  const grid = Array.from({ length: GRID_POINTS }, (_, index) => fromLog + ((toLog - fromLog) * index) / (GRID_POINTS - 1));
  return {
    cdf: {
      logUs: grid,
      corrected: ninesOn(grid, latency),
      uncorrected: ninesOn(grid, uncorrected),
      marks: MARKED_QUANTILES.map((quantile) => estimateQuantile(result, quantile))
        .filter(({ tooFew }) => tooFew === null)
        .map(({ quantile, us }) => ({ name: quantileName(quantile), logUs: logUs(us), nines: nines(quantile) })),
      ninesMax: Math.max(1, Math.log10(Math.max(1, latency.count))),
    },
    histogram: histogram(result),
    seconds: {
      second: perSecond.map(({ second }) => second),
      target: perSecond.map(({ targetCount }) => targetCount),
      completed: perSecond.map(({ completedCount }) => completedCount),
      failed: perSecond.map(({ failedCount }) => failedCount),
      medianLogUs: perSecond.map(({ medianUs, completedCount }) => (completedCount === 0 ? null : logUs(medianUs))),
      p99LogUs: perSecond.map(({ p99Us, completedCount }) => (completedCount === 0 ? null : logUs(p99Us))),
    },
  };
}

/** Without a last one that the end of the run cut short: it would look like a collapse. All of them when there is no other. */
export function wholeSeconds({ perSecond, durationMs }: LoadResult): readonly SecondPoint[] {
  const whole = perSecond.filter(({ second }) => (second + 1) * 1_000 <= durationMs);
  return whole.length === 0 ? perSecond : whole;
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
  return grid.map((x, index) => (x < from - 1e-9 || x > to + 1e-9 ? null : nines(Math.min(shareMax, shares[index]!))));
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

function histogram({ latency, samples }: LoadResult): PageData["histogram"] {
  const binLog = 1 / BINS_PER_DECADE;
  if (latency.count === 0) return { logUs: [], counts: [], binLog };
  const binOf = (us: number) => Math.floor(logUs(us) / binLog);
  const first = binOf(latency.minUs);
  const edges = Array.from({ length: binOf(latency.maxUs) - first + 2 }, (_, index) => (first + index) * binLog);
  const counts = new Array<number>(edges.length - 1).fill(0);
  if (samples === null) {
    const shares = sharesAt(edges, latency);
    for (const index of counts.keys()) counts[index] = Math.round((shares[index + 1]! - shares[index]!) * latency.count);
  } else {
    for (const [index, us] of samples.latencyUs.entries()) {
      // The histogram's least and greatest are rounded, the samples are not.
      const bin = Math.min(counts.length - 1, Math.max(0, binOf(us) - first));
      if (samples.failed[index] === 0) counts[bin]! += 1;
    }
  }
  return { logUs: edges.slice(0, -1).map((edge) => edge + binLog / 2), counts, binLog };
}
