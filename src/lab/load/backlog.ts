/**
 * Backlog: did the server keep pace with an open loop? Requests under way when
 * the time is over are none: a slow server has as many at every moment. A
 * backlog is what has grown, so the end is held against the middle of the run.
 * Pure.
 */
import { dueCount, timeOfDue } from "./arrival-times.ts";

export interface PaceFacts {
  readonly shape: Parameters<typeof dueCount>[0];
  /** Of the measured part. */
  readonly durationMs: number;
  readonly dueByHalfCount: number;
  readonly dueInTimeCount: number;
  /** Answered or failed. */
  readonly completedByHalfCount: number;
  readonly completedInTimeCount: number;
}

const UNANSWERED_MIN_SHARE = 0.01;
/** A server that can do nine tenths of what is due has twice the middle's backlog at the end, as has any other that can't do all. */
const GROWTH_MIN = 1.25;
/** What is under way at one moment differs from another by chance, about as Poisson's counts do. */
const CHANCE_DEVIATIONS = 3;

/** How many were due and unanswered at the end; null where that is no more than what a request's own time explains. */
export function backlogOf({ shape, durationMs, ...counts }: PaceFacts): number | null {
  const atHalf = Math.max(0, counts.dueByHalfCount - counts.completedByHalfCount);
  const atEnd = counts.dueInTimeCount - counts.completedInTimeCount;
  // In time, not in requests: in a ramp more are under way at the end, for no longer.
  const halfMs = durationMs / 2;
  const delayMs = halfMs - timeOfDue(shape, Math.max(0, dueCount(shape, 0, halfMs) - atHalf));
  const explained = GROWTH_MIN * dueCount(shape, durationMs - delayMs, durationMs);
  const isMore = atEnd > explained + CHANCE_DEVIATIONS * Math.sqrt(explained + 1);
  return isMore && atEnd > counts.dueInTimeCount * UNANSWERED_MIN_SHARE ? atEnd : null;
}
