/**
 * Link: how calls reach one instance. Four kinds behind one interface: the
 * shared-memory ring, frames over the unix socket, HTTP, and one-shot stdio. A
 * link moves bytes and judges answers; which instance gets a call, whether it is
 * given to another, and when an instance ends is the pool's business.
 */
import type { Call, CallFailure } from "../../engine.ts";

export type LinkWay = "ring" | "frames" | "http" | "stdio";

/** How a call ended for its instance. Told exactly once for each call begun. */
export type CallEnd =
  /** The answer is out, or the client left and the instance was told: it may have the next call. */
  | { readonly kind: "answered" }
  /** No byte of it reached the instance, or it may be repeated (RFC 9110 section 9.2.2): another may have it, body and all. Nothing was answered. */
  | { readonly kind: "unsent"; readonly why: string }
  /**
   * Bytes may have reached it and no whole answer came. Where one had begun (`exchange.answered`), `call.fail` breaks it off; else
   * nothing was answered. `isSpent`: the instance can't be trusted with another call.
   */
  | { readonly kind: "failed"; readonly failure: CallFailure; readonly isSpent: boolean };

export interface Link {
  readonly way: LinkWay;
  /**
   * Gives the call to the instance. `ended` is told once, never within `begin`. The link answers through
   * `call.exchange` and never calls `call.fail`: the pool does, where it does not try again. Until the end the
   * exchange's body and `onDrain` are the link's; `onAbort` is the pool's, who abandons the call.
   */
  begin(call: Call, ended: (end: CallEnd) => void): LinkedCall;
  /** Whether it answers without being given a request; false after `timeoutMs`. Ways that can't ask say true while the process lives. */
  isHealthy(timeoutMs: number): Promise<boolean>;
  /** Calls it was told to cancel and has not answered yet: their places may still be taken. It need not answer; 0 for ways that can't know. */
  readonly cancelledCount: number;
  /** Asks the process to leave when it has answered what it has; ways that can't say so do nothing (a signal follows). */
  askToStop(): void;
  /** Frees what it holds; open calls end as failed or unsent, within the call. Called when the process has ended too; `onBroken` is not told. */
  close(why: string): void;
  /** Called once, before its open calls end, when the instance broke the protocol or its connection: it is spent. */
  onBroken: ((why: string) => void) | null;
}

export interface LinkedCall {
  /** The deadline has passed, or the client has left: the instance is told where the way allows, and `ended` is, within the call, with this failure. */
  abandon(failure: CallFailure): void;
}
