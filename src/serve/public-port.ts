/**
 * Public port: the address the server answers on. Proves that it is free and
 * keeps it ours while workers come and go. Where ports can't be shared it takes
 * the connections itself and passes each to the next worker that listens.
 */
import type { Socket } from "node:net";
import { ok, type Result } from "../base/result.ts";
import { type Handoff, listenAndHandOff, sharesPorts } from "./handoff.ts";
import type { Listen } from "./messages.ts";
import { claimPort, type PortClaim } from "./port-probe.ts";
import type { WorkerSlot } from "./worker-slot.ts";

export class PublicPort {
  readonly #host: string;
  readonly #workers: readonly WorkerSlot[];
  #number: number;
  #claim: PortClaim | null = null;
  #handoff: Handoff | null = null;
  #nextTaker = 0;

  constructor(host: string, port: number, workers: readonly WorkerSlot[]) {
    this.#host = host;
    this.#number = port;
    this.#workers = workers;
  }

  get number(): number {
    return this.#number;
  }

  /** How a shared worker takes connections. */
  get listen(): Listen {
    return this.#handoff === null ? { kind: "tcp", host: this.#host, port: this.#number } : { kind: "handoff" };
  }

  async open(handsOff = !sharesPorts): Promise<Result<void>> {
    if (handsOff) {
      const handoff = await listenAndHandOff(this.#host, this.#number, (socket) => this.#handOver(socket));
      if (!handoff.ok) return handoff;
      this.#handoff = handoff.value;
      this.#number = handoff.value.port;
      return ok(undefined);
    }
    const claim = await claimPort(this.#host, this.#number);
    if (!claim.ok) return claim;
    this.#claim = claim.value;
    return ok(undefined);
  }

  /** The first worker's bind decides what port 0 means. */
  bound(port: number): void {
    if (this.#handoff === null) this.#number = port;
  }

  stopAccepting(): void {
    this.#handoff?.close();
  }

  /** Another server may have the port now. */
  release(): void {
    this.#claim?.release();
  }

  #handOver(socket: Socket): boolean {
    for (let tries = 0; tries < this.#workers.length; tries++) {
      const slot = this.#workers[this.#nextTaker++ % this.#workers.length]!;
      if (slot.listening && slot.worker?.send({ type: "connection" }, socket) === true) return true;
    }
    return false;
  }
}
