/**
 * Clock: milliseconds that only ever go forward, for timers and durations. The
 * sandbox's own Date.now moves when somebody sets the machine's clock; the
 * host's is monotonic, but asking it from the thread lane waits for another
 * thread. So the host is asked once a turn at most, and Date.now only carries
 * that on to the turn's end.
 */
import { hostSync } from "./bridge.ts";

/** Taken before any guest code runs: a function that fakes its dates must not stop its own timers. */
const dateNow = Date.now;

/** Dispatch clears it at each entry. */
export const turnClock = { isSet: false };
let aheadMs = 0;

export function monotonicMs(): number {
  if (!turnClock.isSet) setClock(hostSync("clock.now") as number);
  return dateNow() + aheadMs;
}

export function setClock(nowMs: number): void {
  aheadMs = nowMs - dateNow();
  turnClock.isSet = true;
}
