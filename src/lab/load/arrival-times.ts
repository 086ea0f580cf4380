/**
 * When the requests of an open loop are due, in milliseconds from the start of
 * the measured part (negative: warm-up, at the first rate). Pure: one seed, one
 * sequence. Every thread walks the whole sequence and keeps each n-th, so that
 * the threads together send exactly what was asked, evenly or by Poisson.
 */
import { createRandom } from "../../stats/random.ts";
import { type Arrivals, type LoadPlan, plannedDurationMs } from "./plan.ts";

export type OpenArrivals = Exclude<Arrivals, { kind: "closed" }>;

/** The rate from `fromMs` on, changing by `slope` (per second, each millisecond) until `toMs`. */
interface Segment {
  readonly fromMs: number;
  readonly toMs: number;
  readonly perSecond: number;
  readonly slope: number;
}

type Shape = Pick<LoadPlan, "durationMs" | "warmUpMs" | "seed"> & { readonly arrivals: OpenArrivals };

const MS_PER_SECOND = 1_000;

/** Due times in order. The generator ends where the plan's time does; a plan by count alone has no end here. */
export function* arrivalTimes(shape: Shape, every = 1, offset = 0): Generator<number, void> {
  let index = 0;
  for (const dueMs of shape.arrivals.kind === "poisson" ? poissonTimes(shape, shape.arrivals.perSecond) : evenTimes(shape)) {
    if (index++ % every === offset) yield dueMs;
  }
}

/** How many are due in [fromMs, toMs) of the measured part; for Poisson, how many are to be expected. */
export function dueCount(shape: Shape, fromMs: number, toMs: number): number {
  let count = 0;
  for (const segment of segmentsOf(shape)) {
    const from = Math.max(fromMs, segment.fromMs, 0);
    const to = Math.min(toMs, segment.toMs);
    if (to > from) count += countUntil(segment, to) - countUntil(segment, from);
  }
  return count;
}

/** When so many have fallen due in the measured part; infinite when the plan ends before. For Poisson, when that is to be expected. */
export function timeOfDue(shape: Shape, count: number): number {
  let before = 0;
  for (const segment of segmentsOf({ ...shape, warmUpMs: 0 })) {
    const within = countUntil(segment, segment.toMs);
    if (count - before <= within + ROUNDING) return timeOfCount(segment, Math.max(0, count - before));
    before += within;
  }
  return Number.POSITIVE_INFINITY;
}

/** How long requests go on falling due: until the plan's time or its count is used up. */
export function scheduleMs(shape: Shape & Pick<LoadPlan, "requestMaxCount">): number {
  const plannedMs = plannedDurationMs(shape) ?? Number.POSITIVE_INFINITY;
  return shape.requestMaxCount === null ? plannedMs : Math.min(plannedMs, timeOfDue(shape, shape.requestMaxCount));
}

function* poissonTimes({ durationMs, warmUpMs, seed }: Shape, perSecond: number): Generator<number, void> {
  const random = createRandom(seed);
  const meanGapMs = MS_PER_SECOND / perSecond;
  const endMs = durationMs ?? Number.POSITIVE_INFINITY;
  let dueMs = -warmUpMs;
  for (;;) {
    // 1 - random: the logarithm of zero would end the run.
    dueMs -= Math.log(1 - random()) * meanGapMs;
    if (dueMs >= endMs) return;
    yield dueMs;
  }
}

function* evenTimes(shape: Shape): Generator<number, void> {
  // The count so far is carried over the seams: a step of 2.5 requests is not rounded at each.
  let before = 0;
  let index = 0;
  for (const segment of segmentsOf(shape)) {
    const within = countUntil(segment, segment.toMs);
    for (; index - before < within - ROUNDING; index++) yield timeOfCount(segment, Math.max(0, index - before));
    before += within;
  }
}

/** 10,000 requests in ten seconds, and not one more because of the last bit of a product. */
const ROUNDING = 1e-6;

function segmentsOf({ arrivals, durationMs, warmUpMs }: Shape): Segment[] {
  const endMs = durationMs ?? Number.POSITIVE_INFINITY;
  const measured: Segment[] = [];
  if (arrivals.kind === "steps") {
    let fromMs = 0;
    for (const { perSecond, durationMs: stepMs } of arrivals.steps) {
      measured.push({ fromMs, toMs: fromMs + stepMs, perSecond, slope: 0 });
      fromMs += stepMs;
    }
  } else if (arrivals.kind === "ramp") {
    const { fromPerSecond, toPerSecond } = arrivals;
    measured.push({ fromMs: 0, toMs: endMs, perSecond: fromPerSecond, slope: (toPerSecond - fromPerSecond) / endMs });
  } else {
    measured.push({ fromMs: 0, toMs: endMs, perSecond: arrivals.perSecond, slope: 0 });
  }
  const warmUp: Segment = { fromMs: -warmUpMs, toMs: 0, perSecond: measured[0]!.perSecond, slope: 0 };
  return warmUpMs > 0 ? [warmUp, ...measured] : measured;
}

/** Requests due from the segment's start until `atMs`. */
function countUntil({ fromMs, perSecond, slope }: Segment, atMs: number): number {
  const elapsedMs = atMs - fromMs;
  const risen = slope === 0 ? 0 : (slope * elapsedMs * elapsedMs) / 2;
  return (perSecond * elapsedMs + risen) / MS_PER_SECOND;
}

/** The inverse of countUntil. */
function timeOfCount({ fromMs, perSecond, slope }: Segment, count: number): number {
  const wanted = count * MS_PER_SECOND;
  if (slope === 0) return fromMs + wanted / perSecond;
  // The form of the quadratic's root that does not cancel when the slope is small or the first rate zero.
  const root = Math.sqrt(Math.max(0, perSecond * perSecond + 2 * slope * wanted));
  return wanted === 0 ? fromMs : fromMs + (2 * wanted) / (perSecond + root);
}
