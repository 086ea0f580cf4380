/**
 * HTTP link: calls to a program that serves HTTP on a port or socket of its own,
 * so that an existing one runs unchanged. Every call has a connection of its own:
 * on a kept one, what a program writes behind an answer (a body after HEAD, a
 * second answer, held back until the next request comes) would pass for the
 * answer to another caller's request, and nothing tells the two apart.
 */
import { Agent } from "node:http";
import { connect } from "node:net";
import type { Call } from "../../engine.ts";
import { HttpCall, type HttpCallLink, type HttpTarget } from "./http-call.ts";
import type { CallEnd, Link, LinkedCall } from "./link.ts";

export interface HttpLinkOptions {
  readonly functionId: string;
  readonly target: HttpTarget;
}

export class HttpLink implements Link, HttpCallLink {
  readonly way = "http";
  readonly functionId: string;
  readonly target: HttpTarget;
  readonly agent = new Agent({ keepAlive: false });
  readonly #calls = new Set<HttpCall>();
  #closedBecause: string | null = null;
  onBroken: ((why: string) => void) | null = null;

  constructor({ functionId, target }: HttpLinkOptions) {
    this.functionId = functionId;
    this.target = target;
  }

  /** HTTP has no way to say or ask that. */
  readonly cancelledCount = 0;

  begin(call: Call, ended: (end: CallEnd) => void): LinkedCall {
    const open = new HttpCall(call, ended, this);
    this.#calls.add(open);
    const closedBecause = this.#closedBecause;
    if (closedBecause === null) open.send();
    else queueMicrotask(() => open.lost(closedBecause));
    return open;
  }

  drop(call: HttpCall): void {
    this.#calls.delete(call);
  }

  refused(why: string): void {
    const { onBroken } = this;
    this.onBroken = null;
    onBroken?.(why);
  }

  /** Whether somebody takes a connection: HTTP has no question without a request. */
  isHealthy(timeoutMs: number): Promise<boolean> {
    if (this.#closedBecause !== null) return Promise.resolve(false);
    return new Promise((resolve) => {
      const { target } = this;
      const socket = "port" in target ? connect(target.port, target.host) : connect(target.socketPath);
      const tell = (isHealthy: boolean): void => {
        clearTimeout(timer);
        socket.destroy();
        resolve(isHealthy);
      };
      const timer = setTimeout(() => tell(false), timeoutMs);
      socket.once("connect", () => tell(true));
      socket.once("error", () => tell(false));
    });
  }

  askToStop(): void {}

  close(why: string): void {
    this.#closedBecause ??= why;
    for (const call of [...this.#calls]) call.lost(why);
    this.agent.destroy();
  }
}
