/**
 * Forwarder: sends the requests of functions that have a worker of their own
 * (isolation: process, probation) to that worker's unix socket, and answers for
 * those in quarantine. A dedicated worker may not be up yet: whoever finds its
 * socket absent asks the supervisor to start it and tries again for a while.
 */
import { connect } from "node:net";
import type { Exchange } from "../http/exchange.ts";
import type { Placement } from "./messages.ts";
import { answerError } from "./served-call.ts";

const WAKE_WAIT_MS = 10_000;
const RETRY_INTERVAL_MS = 50;

export class Forwarder {
  readonly #wake: (functionId: string) => void;
  #placements = new Map<string, Placement>();
  /** Sockets that took a connection once; a refusal puts them out again. */
  readonly #awake = new Map<string, Promise<boolean>>();

  constructor(wake: (functionId: string) => void) {
    this.#wake = wake;
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
      answerError(
        exchange,
        503,
        "FUNCTION_QUARANTINED",
        `${functionId} is switched off until its code changes: ${placement.reason}`,
        "retry-after: 60\r\n",
      );
      return;
    }
    const { socketPath } = placement;
    this.#whenAwake(functionId, socketPath).then(async (awake) => {
      if (awake) {
        const { forward } = await forwarding();
        forward(exchange, socketPath, { onFailure: () => this.#awake.delete(socketPath) });
        return;
      }
      this.#awake.delete(socketPath);
      answerError(exchange, 503, "FUNCTION_STARTING", `The worker of ${functionId} is not up; try again shortly`, "retry-after: 1\r\n");
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
