/**
 * Pooled call: one call on its way through the pool. Waiting, with a process,
 * or over; over is for good, and only the call book ends it, so that its
 * client gets one answer whatever happens to the processes it was given to.
 */
import type { Call, CallFailure } from "../../engine.ts";
import { isRepeatable } from "./call-end.ts";

/** Who has a call at the moment. */
export interface CallHolder {
  /**
   * Nobody waits for the answer any more (its deadline has passed, its client has left): the process is told, and has
   * `graceMs` to show that it is free again.
   */
  giveUp(pooled: PooledCall, failure: CallFailure, graceMs: number): void;
}

export class PooledCall {
  call: Call;
  readonly arrivedMs: number;
  /** Times it was given to another instance than its first. */
  resends = 0;
  /** Null while it waits, and while it is being found out why its instance was lost. */
  holder: CallHolder | null = null;
  /** Answered, failed, or of a client that has gone. */
  isOver = false;
  /** Its neighbours in the book's list. */
  before: PooledCall | null = null;
  behind: PooledCall | null = null;

  constructor(call: Call, nowMs: number) {
    this.call = call;
    this.arrivedMs = nowMs;
  }

  /** A body of which somebody has read a part is never complete again. */
  get isRepeatable(): boolean {
    const { method, body } = this.call.exchange;
    return isRepeatable(method, body.complete);
  }

  get isAnswerBegun(): boolean {
    return this.call.exchange.answered;
  }
}
