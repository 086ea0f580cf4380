/**
 * Call deadlines: wall-time limits of the calls of one sandbox. All have the
 * same limit and arrive in order, so one timer for the oldest is enough, and a
 * call that ends in time costs nothing but its entry. A call that doesn't is
 * taken from whoever holds it and told so; its sandbox lives on.
 */
import type { Call } from "../engine.ts";

/** Where an open call is kept: its realm, or the calls that have not entered one yet. */
export interface CallHolder {
  readonly calls: ReadonlyMap<number, Call>;
  /** Gives the call up. */
  drop(callId: number): void;
}

export interface DeadlineLimits {
  readonly functionId: string;
  readonly timeoutMs: number;
}

interface OpenDeadline {
  holder: CallHolder;
  readonly startMs: number;
}

export class CallDeadlines {
  readonly #limits: DeadlineLimits;
  readonly #open = new Map<number, OpenDeadline>();
  /** Asked before a call is given up: there may be a better reason, which ends the call first. */
  readonly #expiring: ((callId: number) => void) | null;
  #timer: NodeJS.Timeout | null = null;

  constructor(limits: DeadlineLimits, expiring: ((callId: number) => void) | null) {
    this.#limits = limits;
    this.#expiring = expiring;
  }

  add(callId: number, holder: CallHolder): void {
    this.#open.set(callId, { holder, startMs: performance.now() });
    if (this.#timer === null) this.#arm();
  }

  /** The call is held by `holder` from now on, its time running as before. False when it was already. */
  own(callId: number, holder: CallHolder): boolean {
    const known = this.#open.get(callId);
    if (known?.holder === holder) return false;
    if (known === undefined) this.add(callId, holder);
    else known.holder = holder;
    return true;
  }

  delete(callId: number): void {
    this.#open.delete(callId);
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#open.clear();
  }

  #arm(): void {
    for (const [callId, { holder, startMs }] of this.#open) {
      if (!holder.calls.has(callId)) {
        this.#open.delete(callId);
        continue;
      }
      const leftMs = startMs + this.#limits.timeoutMs - performance.now();
      this.#timer = setTimeout(() => this.#ring(), Math.max(1, leftMs));
      return;
    }
  }

  #ring(): void {
    this.#timer = null;
    const nowMs = performance.now();
    for (const [callId, { holder, startMs }] of this.#open) {
      if (holder.calls.has(callId)) {
        // A timer may ring a millisecond early.
        if (nowMs - startMs < this.#limits.timeoutMs - 1) break;
        this.#expire(callId, holder);
      }
      this.#open.delete(callId);
    }
    this.#arm();
  }

  #expire(callId: number, holder: CallHolder): void {
    this.#expiring?.(callId);
    const call = holder.calls.get(callId);
    if (call === undefined) return;
    const { functionId, timeoutMs } = this.#limits;
    holder.drop(callId);
    call.fail({ code: "CALL_TIMEOUT", message: `${functionId} did not finish within ${timeoutMs} ms` });
  }
}
