/**
 * Public port: the address the server answers on. Proves that it is free and
 * keeps it ours while workers come and go. Where ports can't be shared it takes
 * the connections itself and passes each to the next worker that listens.
 */
import type { Socket } from "node:net";
import { type Failure, ok, type Result } from "../base/result.ts";
import type { Config } from "../config/config.ts";
import type { Deployment } from "./function-spec.ts";
import { type Handoff, listenAndHandOff, sharesPorts } from "./handoff.ts";
import type { Listen } from "./messages.ts";
import { OwnPortClaims } from "./own-port-claims.ts";
import { claimPort, formatAddress, type PortClaim } from "./port-probe.ts";
import type { WorkerSlot } from "./worker-slot.ts";

export interface Addresses {
  readonly host: string;
  readonly port: number;
  readonly url: string;
}

export class PublicPort {
  readonly #host: string;
  readonly #scheme: "http" | "https";
  readonly #workers: readonly WorkerSlot[];
  #number: number;
  #claim: PortClaim | null = null;
  /** Of functions that have one to themselves. */
  readonly #ownPorts: OwnPortClaims;
  #handoff: Handoff | null = null;
  #nextTaker = 0;

  constructor({ host, port, tls }: Pick<Config, "host" | "port" | "tls">, workers: readonly WorkerSlot[]) {
    this.#host = host;
    this.#scheme = tls === null ? "http" : "https";
    this.#number = port;
    this.#workers = workers;
    this.#ownPorts = new OwnPortClaims(host);
  }

  get number(): number {
    return this.#number;
  }

  get addresses(): Addresses {
    const host = this.#host;
    const port = this.#number;
    return { host, port, url: `${this.#scheme}://${formatAddress(host, port)}` };
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

  /** The ports of single functions; which can't be had, and why. */
  claimOwnPorts(deployment: Deployment): Promise<Failure[]> {
    return this.#ownPorts.renew(deployment);
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
    this.#ownPorts.release();
  }

  #handOver(socket: Socket): boolean {
    for (let tries = 0; tries < this.#workers.length; tries++) {
      const slot = this.#workers[this.#nextTaker++ % this.#workers.length]!;
      if (slot.listening && slot.worker?.send({ type: "connection" }, socket) === true) return true;
    }
    return false;
  }
}
