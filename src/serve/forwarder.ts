/**
 * Forwarder: sends the requests of functions that have a worker of their own
 * (isolation: process, probation) to that worker's unix socket, and answers for
 * those in quarantine. A dedicated worker may not be up yet: whoever finds its
 * socket absent asks the supervisor to start it and tries again for a while.
 */
import { connect } from "node:net";
import { RETRY_SOON_LINE } from "../http/answer-lines.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Placement } from "./messages.ts";
import { answerError } from "./served-call.ts";

const WAKE_WAIT_MS = 10_000;
const RETRY_INTERVAL_MS = 50;

export class Forwarder {
  readonly #wake: (functionId: string) => void;
  /** An answer given here, not by the function: for its counters and the log. */
  readonly #refused: (functionId: string, status: number, reason: string) => void;
  #placements = new Map<string, Placement>();
  /** Sockets that took a connection once; a refusal puts them out again. */
  readonly #awake = new Map<string, Promise<boolean>>();

  constructor(wake: (functionId: string) => void, refused: (functionId: string, status: number, reason: string) => void) {
    this.#wake = wake;
    this.#refused = refused;
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
      this.#refused(functionId, 503, `it is in quarantine: ${placement.reason}`);
      const message = `${functionId} is switched off until its code changes: ${placement.reason}`;
      answerError(exchange, 503, "FUNCTION_QUARANTINED", message, "retry-after: 60\r\n");
      return;
    }
    this.#relay(exchange, functionId, placement.socketPath).catch((error: Error) => {
      this.#refused(functionId, 502, `its worker could not be asked: ${error.message}`);
      if (exchange.answered) exchange.destroy();
      else
        answerError(
          exchange,
          502,
          "FUNCTION_UNREACHABLE",
          `The worker of ${functionId} could not be asked; try again shortly`,
          RETRY_SOON_LINE,
        );
    });
  }

  async #relay(exchange: Exchange, functionId: string, socketPath: string): Promise<void> {
    const awake = await this.#whenAwake(functionId, socketPath);
    if (exchange.aborted) return;
    if (!awake) {
      this.#awake.delete(socketPath);
      this.#refused(functionId, 503, "its worker is not up");
      answerError(exchange, 503, "FUNCTION_STARTING", `The worker of ${functionId} is not up; try again shortly`, RETRY_SOON_LINE);
      return;
    }
    const { forward } = await forwarding();
    forward(exchange, socketPath, {
      onFailure: (error) => {
        this.#awake.delete(socketPath);
        this.#refused(functionId, 502, `its worker ended before it answered: ${error.message}`);
      },
    });
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
      if (!asked) this.#wake(functionId);
      if (performance.now() > untilMs) return false;
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
