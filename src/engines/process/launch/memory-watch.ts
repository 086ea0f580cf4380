/**
 * Memory watch: the limits of an instance that has no control group, held by
 * looking: resident memory and number of its processes. A look costs tens of
 * microseconds, so the next one comes when the memory could have been used up,
 * and no later than LOOK_MAX_MS. What is counted twice (pages that forked processes
 * share) is counted exactly before anything is ended for it.
 */
import { GIB, MIB, SECOND_MS } from "../../../base/units.ts";
import { proportionalBytes, residentBytes } from "./process-tree.ts";

export const LOOK_MIN_MS = 50;
export const LOOK_MAX_MS = 1_000;
/** As fast as a program fills fresh pages. */
const GROWTH_BYTES_PER_MS = GIB / SECOND_MS;
/** Less than this from one look to the next is rest: an idle instance is looked at ever less often. */
const REST_BYTES = MIB;

export type Exceeded = "memory limit" | "process limit";

export interface WatchOrder {
  /** Itself and everything it started. */
  readonly pids: () => readonly number[];
  /** null: somebody else sees to it. */
  readonly memoryMaxBytes: number | null;
  readonly processMax: number | null;
  readonly exceeded: (what: Exceeded) => void;
}

/** Looks until the returned function is called, or a limit was exceeded. */
export function watchLimits(order: WatchOrder): () => void {
  if (order.memoryMaxBytes === null && order.processMax === null) return () => {};
  let timer: NodeJS.Timeout;
  let bytesBefore = 0;
  let waitMs = LOOK_MIN_MS;
  const look = () => {
    const pids = order.pids();
    const bytes = order.memoryMaxBytes === null ? 0 : residentBytes(pids);
    const what = judged(order, pids, bytes);
    if (what !== null) {
      order.exceeded(what);
      return;
    }
    waitMs = nextLookMs(order.memoryMaxBytes, bytes, Math.abs(bytes - bytesBefore) < REST_BYTES ? waitMs : null);
    bytesBefore = bytes;
    timer = setTimeout(look, waitMs).unref();
  };
  timer = setTimeout(look, LOOK_MIN_MS).unref();
  return () => clearTimeout(timer);
}

/** When the room that is left could be filled; later if it rests (`restedMs`: the wait that it rested through). */
export function nextLookMs(memoryMaxBytes: number | null, bytes: number, restedMs: number | null): number {
  const untilFullMs = memoryMaxBytes === null ? 0 : (memoryMaxBytes - bytes) / GROWTH_BYTES_PER_MS;
  return Math.min(LOOK_MAX_MS, Math.max(LOOK_MIN_MS, untilFullMs, restedMs === null ? 0 : restedMs * 2));
}

function judged({ memoryMaxBytes, processMax }: WatchOrder, pids: readonly number[], bytes: number): Exceeded | null {
  if (processMax !== null && pids.length > processMax) return "process limit";
  if (memoryMaxBytes === null || bytes <= memoryMaxBytes) return null;
  return proportionalBytes(pids) > memoryMaxBytes ? "memory limit" : null;
}
