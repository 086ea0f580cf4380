/**
 * Circuit: spares everybody the wait for a server that is known to be down.
 * After enough failures in a row that could have passed, requests fail at once
 * with the last of them, for a while that doubles up to a bound; then one
 * request at a time may try. Pure but for what it remembers: the caller tells
 * the time, which may jump.
 */
import { assert } from "../../base/assert.ts";
import { SECOND_MS } from "../../base/units.ts";
import { isPassing, type UpstreamFailure } from "../failures.ts";

const FIRST_WHILE_MS = SECOND_MS;
export const WHILE_MAX_MS = 60 * SECOND_MS;

/** `probe`: the one request that finds out whether the server is back. */
export type Admission = "go" | "probe" | "refuse";
/** What an outcome changed, for the log. */
export type CircuitChange = "opened" | "closed" | null;

export class Circuit {
  failuresInARow = 0;
  lastFailure: UpstreamFailure | null = null;
  lastSuccessAtMs: number | null = null;
  readonly #failuresToOpen: number;
  /** As failuresInARow, of those that may pass: any other shows that somebody is there. */
  #passingInARow = 0;
  #openedAtMs: number | null = null;
  #whileMs = 0;
  #isProbing = false;

  constructor(failuresToOpen: number) {
    this.#failuresToOpen = failuresToOpen;
  }

  admit(nowMs: number): Admission {
    if (this.#openedAtMs === null) return "go";
    const elapsedMs = nowMs - this.#openedAtMs;
    // A clock that was set back must not shut an index out for years.
    const isDue = elapsedMs < 0 || elapsedMs >= this.#whileMs;
    if (this.#isProbing || !isDue) return "refuse";
    this.#isProbing = true;
    return "probe";
  }

  succeeded(admission: Admission, nowMs: number): CircuitChange {
    this.failuresInARow = 0;
    this.lastFailure = null;
    this.lastSuccessAtMs = nowMs;
    return this.#close(admission);
  }

  failed(admission: Admission, failure: UpstreamFailure, nowMs: number): CircuitChange {
    this.failuresInARow++;
    this.lastFailure = failure;
    if (!isPassing(failure)) return this.#close(admission);
    this.#passingInARow++;
    if (admission === "probe") {
      this.#release();
      this.#openFor(Math.min(WHILE_MAX_MS, this.#whileMs * 2), failure, nowMs);
      return null;
    }
    // What was under way when it opened says nothing new.
    if (this.#openedAtMs !== null || this.#passingInARow < this.#failuresToOpen) return null;
    this.#openFor(FIRST_WHILE_MS, failure, nowMs);
    return "opened";
  }

  /** An answer that had begun broke off: a failure, but of a server that answers. */
  brokeOff(failure: UpstreamFailure): void {
    this.failuresInARow++;
    this.lastFailure = failure;
  }

  /** Ended by who asked: no verdict. */
  givenUp(admission: Admission): void {
    if (admission === "probe") this.#release();
  }

  #openFor(whileMs: number, failure: UpstreamFailure, nowMs: number): void {
    const retryAfterMs = failure.code === "UPSTREAM_STATUS" ? (failure.retryAfterMs ?? 0) : 0;
    this.#whileMs = Math.min(WHILE_MAX_MS, Math.max(whileMs, retryAfterMs));
    this.#openedAtMs = nowMs;
  }

  #close(admission: Admission): CircuitChange {
    if (admission === "probe") this.#release();
    const wasOpen = this.#openedAtMs !== null;
    this.#passingInARow = 0;
    this.#openedAtMs = null;
    return wasOpen ? "closed" : null;
  }

  #release(): void {
    assert(this.#isProbing, "a probe was ended twice");
    this.#isProbing = false;
  }
}
