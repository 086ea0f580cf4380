/**
 * Fill pace: does a transfer that nobody waits for come so slowly that its
 * place among the downloads is worth more than the file? A server that sends a
 * byte now and then never runs into a time-out, and would hold a place for
 * ever. Only what came since the last client left counts. Pure: the caller
 * tells the time, of a clock that never jumps.
 */
import { KIB, MINUTE_MS, SECOND_MS } from "../../base/units.ts";

/** A slow line has several times as much. */
export const LEAST_BYTES_PER_SECOND = 4 * KIB;
/** A server may pause, and a retry wait. */
export const JUDGED_AFTER_MS = MINUTE_MS;

export class FillPace {
  #sinceMs: number;
  #bytes = 0;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  /** What came before counts no more. */
  begin(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#bytes = 0;
  }

  /** Of each chunk; true when those of a whole span were too few. */
  isTrickle(bytes: number, nowMs: number): boolean {
    this.#bytes += bytes;
    const elapsedMs = nowMs - this.#sinceMs;
    if (elapsedMs < JUDGED_AFTER_MS) return false;
    const isTrickle = this.#bytes * SECOND_MS < LEAST_BYTES_PER_SECOND * elapsedMs;
    this.begin(nowMs);
    return isTrickle;
  }
}
