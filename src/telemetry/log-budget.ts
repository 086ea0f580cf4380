/**
 * Log budget: how much one function may write to the log in a window of time.
 * A function that logs in a loop would otherwise occupy the worker's loop, the
 * channel and the supervisor on behalf of nobody. Pure: the caller passes the
 * time and reports what was dropped.
 */
/** Long against a burst, such as a start that tells much. journald allows a service 10,000 lines in 30 s. */
export const BUDGET_WINDOW_MS = 10_000;
export const BUDGET_LINES_MAX = 20_000;
export const BUDGET_MAX_CHARS = 8 * 1024 * 1024;
/** Finding the sources of a stack costs a hundred times what its line does. */
export const BUDGET_STACKS_MAX = 1_000;

export class LogBudget {
  #windowStartMs = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #chars = 0;
  #stacks = 0;
  #dropped = 0;

  /** Whether a line of `length` characters may be written; counts it as written or as dropped. */
  takeLine(length: number, nowMs: number): boolean {
    if (nowMs - this.#windowStartMs >= BUDGET_WINDOW_MS) this.#begin(nowMs);
    if (this.#lines >= BUDGET_LINES_MAX || this.#chars + length > BUDGET_MAX_CHARS) {
      this.#dropped++;
      return false;
    }
    this.#lines++;
    this.#chars += length;
    return true;
  }

  /** Whether the stack in the line just taken may be mapped. */
  takeStack(): boolean {
    return this.#stacks++ < BUDGET_STACKS_MAX;
  }

  /** Lines dropped since this was last asked. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  #begin(nowMs: number): void {
    this.#windowStartMs = nowMs;
    this.#lines = 0;
    this.#chars = 0;
    this.#stacks = 0;
  }
}
