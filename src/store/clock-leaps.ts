/**
 * Clock leaps: notices that the wall clock was set, or stood still while the
 * machine slept. Leases end by the wall clock, the only one that all processes
 * share across restarts; after a leap it says that those of living workers are over.
 */
import { SECOND_MS } from "../base/units.ts";

/** A clock that is steered goes astray by less. */
const LEAP_MIN_MS = SECOND_MS;

/** The monotonic clock is not set, and on Linux stands still with the machine. */
export function wallClockOffsetMs(): number {
  return Date.now() - performance.now();
}

export class ClockLeaps {
  readonly #offsetMs: () => number;
  #knownMs: number;

  constructor(offsetMs: () => number) {
    this.#offsetMs = offsetMs;
    this.#knownMs = offsetMs();
  }

  /** Whether there was one since this was asked last. */
  leapt(): boolean {
    const beforeMs = this.#knownMs;
    this.#knownMs = this.#offsetMs();
    return Math.abs(this.#knownMs - beforeMs) >= LEAP_MIN_MS;
  }
}
