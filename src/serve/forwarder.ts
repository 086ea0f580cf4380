/**
 * Forwarder: sends the requests of functions that have a worker of their own
 * (isolation: process, probation) to that worker's unix socket, and answers for
 * those in quarantine. A dedicated worker may not be up yet: whoever finds its
 * socket absent asks the supervisor to start it and tries again for a while. So
 * does a request that finds a worker gone which was up before (idle, replaced):
 * nothing of it was sent, and it is sent once more.
 */
import { connect } from "node:net";
import { RETRY_SOON_LINE } from "../http/answer-lines.ts";
import { answerError } from "../http/error-answer.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Placement } from "./messages.ts";

const WAKE_WAIT_MS = 10_000;
const RETRY_INTERVAL_MS = 50;
/** The whole reason holds what the worker said last, which may tell of our files: it is for the log, `list` and `dev`. */
const QUARANTINE_PUBLIC_REASON = "it ended its worker process more than once";

export interface ForwarderOptions {
  /** Asks the supervisor for the function's worker. */
  readonly wake: (functionId: string) => void;
  /** An answer given here, not by the function: for its counters and the log. */
  readonly refused: (functionId: string, status: number, reason: string) => void;
  /** Refusals say everything (`dev`). */
  readonly showsErrors: boolean;
}

export class Forwarder {
  readonly #options: ForwarderOptions;
  #placements = new Map<string, Placement>();
  /** Sockets that took a connection once; a refusal puts them out again. */
  readonly #awake = new Map<string, Promise<boolean>>();

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /** The whole list; it replaces the one before. */
  place(placements: readonly Placement[]): void {
    this.#placements = new Map(placements.map((placement) => [placement.functionId, placement]));
    this.#awake.clear();
  }

  placementOf(functionId: string): Placement | undefined {
    return this.#placements.get(functionId);
  }

  forward(exchange: Exchange, placement: Placement): void {
    const { functionId } = placement;
    if (placement.where === "quarantine") {
      this.#refused(exchange, functionId, 503, `it is in quarantine: ${placement.reason}`);
      const why = this.#options.showsErrors ? placement.reason : QUARANTINE_PUBLIC_REASON;
      const message = `${functionId} is switched off until its code changes: ${why}`;
      answerError(exchange, 503, "FUNCTION_QUARANTINED", message, "retry-after: 60\r\n");
      return;
    }
    this.#relayOrRefuse(exchange, functionId, placement.socketPath, false);
  }

  #relayOrRefuse(exchange: Exchange, functionId: string, socketPath: string, isRetry: boolean): void {
    this.#relay(exchange, functionId, socketPath, isRetry).catch((error: Error) => this.#unreachable(exchange, functionId, error));
  }

  async #relay(exchange: Exchange, functionId: string, socketPath: string, isRetry: boolean): Promise<void> {
    const waking = this.#whenAwake(functionId, socketPath);
    const awake = await waking;
    if (exchange.aborted) return;
    if (!awake) {
      this.#sleeps(socketPath, waking);
      const now = this.#placements.get(functionId);
      if (now?.where === "quarantine") {
        this.forward(exchange, now);
        return;
      }
      this.#refused(exchange, functionId, 503, "its worker is not up");
      answerError(exchange, 503, "FUNCTION_STARTING", `The worker of ${functionId} is not up; try again shortly`, RETRY_SOON_LINE);
      return;
    }
    const { forward } = await forwarding();
    forward(exchange, socketPath, {
      onUnsent: (error) => {
        this.#sleeps(socketPath, waking);
        if (isRetry) this.#unreachable(exchange, functionId, error);
        else this.#relayOrRefuse(exchange, functionId, socketPath, true);
      },
      onFailure: (error) => {
        this.#sleeps(socketPath, waking);
        this.#refused(exchange, functionId, 502, `its worker ended before it answered: ${error.message}`);
      },
    });
  }

  /** Said before the answer is given. */
  #refused(exchange: Exchange, functionId: string, status: number, reason: string): void {
    this.#options.refused(functionId, status, reason);
    void exchange.tellReason?.(Promise.resolve(reason));
  }

  /** The socket took no connection. Another request may have found out first, and wait for the next worker already. */
  #sleeps(socketPath: string, waking: Promise<boolean>): void {
    if (this.#awake.get(socketPath) === waking) this.#awake.delete(socketPath);
  }

  #unreachable(exchange: Exchange, functionId: string, error: Error): void {
    this.#refused(exchange, functionId, 502, `its worker could not be asked: ${error.message}`);
    const message = `The worker of ${functionId} could not be asked; try again shortly`;
    if (exchange.answered) exchange.destroy();
    else answerError(exchange, 502, "FUNCTION_UNREACHABLE", message, RETRY_SOON_LINE);
  }

  #whenAwake(functionId: string, socketPath: string): Promise<boolean> {
    let awake = this.#awake.get(socketPath);
    if (awake === undefined) {
      awake = this.#awaken(functionId, socketPath);
      this.#awake.set(socketPath, awake);
    }
    return awake;
  }

  async #awaken(functionId: string, socketPath: string): Promise<boolean> {
    const untilMs = performance.now() + WAKE_WAIT_MS;
    for (let asked = false; ; asked = true) {
      if (await takesConnections(socketPath)) return true;
      if (!asked) this.#options.wake(functionId);
      // Quarantined meanwhile: no worker will come.
      if (performance.now() > untilMs || this.#placements.get(functionId)?.where === "quarantine") return false;
      await new Promise((resolve) => setTimeout(resolve, RETRY_INTERVAL_MS));
    }
  }
}

/** Loaded at the first forwarded request: node:http would add 40 ms to the start of every worker. */
function forwarding(): Promise<typeof import("../http/forward.ts")> {
  return import("../http/forward.ts");
}

function takesConnections(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
