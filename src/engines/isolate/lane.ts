/**
 * Lanes: where a function's turns run. It starts in the thread lane
 * (isolated-vm's pool: 55 us a call, but a long turn holds up nobody) and moves
 * to the loop lane (1 to 2 us a call, on the worker's own thread) once it has
 * shown short turns. Pure bookkeeping: the sandbox reports turns and asks.
 */

/** Calls in a row whose CPU time stayed under QUICK_TURN_MS earn the loop lane. */
export const PROMOTE_AFTER_CALLS = 20;
const QUICK_TURN_MS = 1;
/** A turn in the loop lane longer than this sends the function back, without harm to the call. */
export const SLOW_LOOP_TURN_MS = 10;
/** A turn in the loop lane longer than this is ended by the watchdog. */
export const LOOP_TURN_MAX_MS = 250;
/** Each quiet demotion doubles what the next promotion takes, up to this. */
const PROMOTE_AFTER_CALLS_MAX = 640;

export type Lane = "thread" | "loop";

export class LaneHistory {
  lane: Lane = "thread";
  promotionCount = 0;
  demotionCount = 0;
  #quickCalls = 0;
  #callsWanted = PROMOTE_AFTER_CALLS;
  #barred = false;

  /** After a call's turn in the thread lane. */
  threadTurn(cpuMs: number): void {
    if (this.#barred || this.lane === "loop") return;
    this.#quickCalls = cpuMs < QUICK_TURN_MS ? this.#quickCalls + 1 : 0;
    if (this.#quickCalls < this.#callsWanted) return;
    this.lane = "loop";
    this.promotionCount++;
  }

  /** After a turn in the loop lane: back to the thread lane when it was slow. */
  loopTurn(wallMs: number): void {
    if (wallMs > SLOW_LOOP_TURN_MS && this.lane === "loop") this.#demote();
  }

  /** The watchdog ended a turn: no loop lane until the code changes (a new template). */
  bar(): void {
    this.#barred = true;
    if (this.lane === "loop") this.#demote();
  }

  #demote(): void {
    this.lane = "thread";
    this.demotionCount++;
    this.#quickCalls = 0;
    this.#callsWanted = Math.min(this.#callsWanted * 2, PROMOTE_AFTER_CALLS_MAX);
  }
}
