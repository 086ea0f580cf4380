/**
 * Entering calls: those that can't be dispatched at once, because their body is
 * still arriving or a realm of their own is being made. They count as open
 * meanwhile: they have a deadline, keep a retired sandbox, and end with it.
 */
import type { Call, CallFailure } from "../engine.ts";
import type { CallDeadlines, CallHolder } from "../isolate/call-deadlines.ts";
import { guestBody } from "./crossing.ts";
import type { Realm } from "./realm.ts";

/** Bodies up to this length are collected before the call; longer ones stream. */
const COLLECTED_BODY_MAX_BYTES = 256 * 1024;

export interface EnteringHost {
  /** The realm for the next call. */
  realmForCall(): Promise<Realm>;
  dispatch(realm: Realm, callId: number, call: Call, body: unknown): void;
  /** The realm will not get the call it was made for. */
  unused(realm: Realm): void;
  /** Why no realm could be made. */
  realmFailed(error: unknown): CallFailure;
  /** A call was given up: it may be what a retired sandbox waited for. */
  left(): void;
}

export class EnteringCalls implements CallHolder {
  readonly calls = new Map<number, Call>();
  readonly #host: EnteringHost;
  readonly #deadlines: CallDeadlines;

  constructor(host: EnteringHost, deadlines: CallDeadlines) {
    this.#host = host;
    this.#deadlines = deadlines;
  }

  async enter(callId: number, call: Call): Promise<void> {
    const { body } = call.exchange;
    this.calls.set(callId, call);
    this.#deadlines.add(callId, this);
    let source: unknown = true;
    try {
      if (body.complete) source = guestBody(body.whole);
      else if (body.length !== null && body.length <= COLLECTED_BODY_MAX_BYTES) source = guestBody(await body.readAll());
    } catch (error) {
      this.#fail(callId, call, { code: "BODY_FAILED", message: (error as Error).message });
      return;
    }
    try {
      const realm = await this.#host.realmForCall();
      if (!this.calls.has(callId) || call.exchange.aborted) {
        this.drop(callId);
        this.#host.unused(realm);
        return;
      }
      // Dispatched before it stops counting as entering: a retired sandbox must not close in between.
      this.#host.dispatch(realm, callId, call, source);
      this.calls.delete(callId);
    } catch (error) {
      this.#fail(callId, call, this.#host.realmFailed(error));
    }
  }

  drop(callId: number): void {
    if (!this.calls.delete(callId)) return;
    this.#deadlines.delete(callId);
    this.#host.left();
  }

  /** Takes all of them away from here. */
  close(): Call[] {
    const left = [...this.calls.values()];
    this.calls.clear();
    return left;
  }

  #fail(callId: number, call: Call, failure: CallFailure): void {
    if (!this.calls.has(callId)) return;
    this.drop(callId);
    if (!call.exchange.aborted) call.fail(failure);
  }
}
