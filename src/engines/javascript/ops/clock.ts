/**
 * Clock operations behind performance.now(). Resolution is cut to 5 µs, as
 * browsers do for isolated pages: enough to measure a function, coarse for
 * timing what runs beside it.
 */
import type { SyncOp } from "./op.ts";

const RESOLUTION_MS = 0.005;

/** Milliseconds of the Unix epoch, monotonic within this process. */
export function monotonicMs(): number {
  return Math.round((performance.timeOrigin + performance.now()) / RESOLUTION_MS) * RESOLUTION_MS;
}

const now: SyncOp = () => monotonicMs();

export const clockSyncOps: readonly (readonly [string, SyncOp])[] = [["clock.now", now]];
