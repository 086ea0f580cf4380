/**
 * Call book: every call that has no end yet, from the moment the pool takes it.
 * Keeps the line of those that wait, the deadlines, and the one rule that all
 * else rests on: a call ends once, by its answer, by a failure, or by its client
 * leaving, and what comes later of it is dropped.
 */
import type { Call, CallFailure } from "../../engine.ts";
import { CallList } from "./call-list.ts";
import type { PoolClock } from "./pool-clock.ts";
import { PooledCall } from "./pooled-call.ts";

/** How long a process has, once nobody waits for its answer any more, to show that it can take the next call. */
export const GIVE_UP_GRACE_MS = 1_000;

export interface BookLimits {
  readonly functionId: string;
  readonly timeoutMs: number;
  readonly queueMax: number;
  readonly clock: PoolClock;
}

export class CallBook {
  readonly #limits: BookLimits;
  /** In the order of their coming, which is that of their deadlines. */
  readonly #open = new CallList();
  readonly #line: PooledCall[] = [];
  #forgetTimer: (() => void) | null = null;
  /** The last open call has ended. */
  onEmpty: (() => void) | null = null;

  constructor(limits: BookLimits) {
    this.#limits = limits;
  }

  get openCount(): number {
    return this.#open.count;
  }

  get waitingCount(): number {
    return this.#line.length;
  }

  /** Since when the first in line is in the book; null without a line. */
  get waitingSinceMs(): number | null {
    return this.#line[0]?.arrivedMs ?? null;
  }

  /** Hot path. */
  admit(call: Call): PooledCall {
    const pooled = new PooledCall(call, this.#limits.clock.nowMs());
    this.#open.push(pooled);
    // Whoever has ended only its own side may wait for the answer.
    call.exchange.onAbort = (mayWait = false) => {
      if (!mayWait) this.#clientLeft(pooled);
    };
    if (this.#forgetTimer === null) this.#arm();
    return pooled;
  }

  /** False where the line is full. */
  lineUp(pooled: PooledCall): boolean {
    if (this.#line.length >= this.#limits.queueMax) return false;
    this.#line.push(pooled);
    return true;
  }

  /** It was with an instance and is to have another: nobody came before it. */
  lineUpFirst(pooled: PooledCall): void {
    this.#line.unshift(pooled);
  }

  first(): PooledCall | null {
    return this.#line[0] ?? null;
  }

  takeFirst(): PooledCall | null {
    return this.#line.shift() ?? null;
  }

  /** The answer is out. */
  answered(pooled: PooledCall): void {
    this.#end(pooled);
  }

  /** Nothing for a call that has ended already. */
  fail(pooled: PooledCall, failure: CallFailure): void {
    if (this.#end(pooled)) this.#tell(pooled, failure);
  }

  /** How many were told: a failure that no call has heard of is the log's alone. */
  failWaiting(failure: CallFailure): number {
    const waiting = [...this.#line];
    for (const pooled of waiting) this.fail(pooled, failure);
    return waiting.length;
  }

  /** Ends all there are. */
  failAll(failure: CallFailure): void {
    for (const pooled of this.#open.toArray()) this.#giveUp(pooled, failure, 0);
  }

  #end(pooled: PooledCall): boolean {
    if (pooled.isOver) return false;
    pooled.isOver = true;
    pooled.call.exchange.onAbort = null;
    this.#open.remove(pooled);
    // The line is short, and most calls are not in it.
    const place = pooled.holder === null ? this.#line.indexOf(pooled) : -1;
    if (place >= 0) this.#line.splice(place, 1);
    if (this.#open.count === 0) this.onEmpty?.();
    return true;
  }

  #tell({ call }: PooledCall, failure: CallFailure): void {
    if (!call.exchange.aborted) call.fail(failure);
  }

  /** The process hears of it first: what it still sends must find the call ended. */
  #giveUp(pooled: PooledCall, failure: CallFailure, graceMs: number): void {
    const { holder } = pooled;
    if (!this.#end(pooled)) return;
    holder?.giveUp(pooled, failure, graceMs);
    this.#tell(pooled, failure);
  }

  /** What it began may go on until its deadline: until then it is only as busy as it would be anyway. */
  #clientLeft(pooled: PooledCall): void {
    const { functionId, timeoutMs, clock } = this.#limits;
    const leftMs = Math.max(0, pooled.arrivedMs + timeoutMs - clock.nowMs());
    this.#giveUp(pooled, { code: "SANDBOX_CLOSED", message: `The client of ${functionId} has left` }, leftMs + GIVE_UP_GRACE_MS);
  }

  #arm(): void {
    const { timeoutMs, clock } = this.#limits;
    let first = this.#open.first;
    while (first?.isAnswerBegun) first = first.behind;
    if (first !== null) this.#forgetTimer = clock.after(first.arrivedMs + timeoutMs - clock.nowMs(), () => this.#ring());
  }

  #ring(): void {
    this.#forgetTimer = null;
    const { functionId, timeoutMs, clock } = this.#limits;
    const nowMs = clock.nowMs();
    for (const pooled of this.#open.toArray()) {
      // A timer may ring a millisecond early.
      if (nowMs - pooled.arrivedMs < timeoutMs - 1) break;
      // An answer that streams already has no deadline any more.
      if (pooled.isAnswerBegun || pooled.isOver) continue;
      const what = pooled.holder === null ? "had no instance for the call" : "did not answer";
      this.#giveUp(pooled, { code: "CALL_TIMEOUT", message: `${functionId} ${what} within ${timeoutMs} ms` }, GIVE_UP_GRACE_MS);
    }
    if (this.#forgetTimer === null) this.#arm();
  }
}
