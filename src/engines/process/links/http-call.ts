/**
 * HTTP call: one call on its way to a program that is an HTTP server and knows
 * nothing of us. Decides what a failure means: a request of which nothing was
 * sent may go elsewhere; who answers something that is not HTTP gets no second
 * try.
 */
import { type Agent, type ClientRequest, type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import { ANSWER_HEAD_MAX_BYTES, answerLines, relayAnswer, relayBody } from "../../../http/relay.ts";
import type { Call, CallFailure } from "../../engine.ts";
import { forwardedHeaders } from "./forwarded-headers.ts";
import type { CallEnd, LinkedCall } from "./link.ts";
import { answerFault } from "./message-heads.ts";

/** Where the program listens: a port of 127.0.0.1, or a unix socket. */
export type HttpTarget = { readonly host: string; readonly port: number } | { readonly socketPath: string };

/** What a call asks of its link. */
export interface HttpCallLink {
  readonly functionId: string;
  readonly target: HttpTarget;
  readonly agent: Agent;
  drop(call: HttpCall): void;
  /** Nobody listens there. */
  refused(why: string): void;
}

/** Nobody is there, and nobody will be: a queue that is full for the moment is something else (EAGAIN). */
const NOBODY_LISTENS: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOENT"]);
const ANSWERED: CallEnd = { kind: "answered" };

export class HttpCall implements LinkedCall {
  readonly #call: Call;
  readonly #link: HttpCallLink;
  readonly #ended: (end: CallEnd) => void;
  #upstream: ClientRequest | null = null;
  #socket: Socket | null = null;
  #isOver = false;

  constructor(call: Call, ended: (end: CallEnd) => void, link: HttpCallLink) {
    this.#call = call;
    this.#ended = ended;
    this.#link = link;
  }

  send(): void {
    const { exchange } = this.#call;
    const { agent, target } = this.#link;
    const upstream = request({
      ...target,
      agent,
      method: exchange.method,
      path: exchange.target,
      headers: forwardedHeaders(this.#call),
      maxHeaderSize: ANSWER_HEAD_MAX_BYTES,
    });
    this.#upstream = upstream;
    upstream.on("response", (response) => this.#answer(response));
    upstream.on("upgrade", (_response, socket) => {
      socket.destroy();
      this.#invalid("it changes the protocol, which nobody asked for");
    });
    upstream.on("error", (error: NodeJS.ErrnoException) => this.#failed(error));
    // Not before there is a connection: what a streamed body has given away can't be sent again.
    upstream.on("socket", (socket) => {
      if (socket.connecting) socket.once("connect", () => this.#connected(socket));
      else this.#connected(socket);
    });
  }

  #connected(socket: Socket): void {
    if (this.#isOver) return;
    this.#socket = socket;
    relayBody(this.#call.exchange, this.#upstream!).catch((error: Error) => this.#fail({ code: "BODY_FAILED", message: error.message }));
  }

  #answer(response: IncomingMessage): void {
    if (this.#isOver) return;
    const { exchange } = this.#call;
    const lines = answerLines(response);
    const fault = answerFault(response.statusCode as number, lines);
    if (fault !== null) {
      this.#invalid(fault);
      return;
    }
    response.on("end", () => this.#answered());
    // Where the answer was no HTTP any more, the request tells so first.
    response.on("error", (error) => this.#fail(this.#lostFailure(`its answer broke off (${error.message})`)));
    relayAnswer(exchange, response, lines);
  }

  #answered(): void {
    if (this.#isOver) return;
    const upstream = this.#upstream!;
    // It may have answered before it had all of the request, and wants no more of that.
    if (!upstream.writableFinished) upstream.destroy();
    this.#over();
    this.#call.exchange.end();
    this.#ended(ANSWERED);
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (this.#isOver) return;
    const { code = "", message } = error;
    if (code.startsWith("HPE_")) this.#invalid(`it is no HTTP/1.1 (${message})`);
    else if (this.#socket === null) this.#unconnected(code, message);
    else this.#fail(this.#lostFailure(`its connection ended before the answer did (${message})`));
  }

  #unconnected(code: string, message: string): void {
    if (NOBODY_LISTENS.has(code)) this.#link.refused(`it takes no connections (${message})`);
    this.#end({ kind: "unsent", why: `it can't be connected to (${message})` });
  }

  #invalid(fault: string): void {
    this.#fail({ code: "INVALID_ANSWER", message: `${this.#link.functionId}'s answer can't be sent: ${fault}` });
  }

  #lostFailure(why: string): CallFailure {
    return { code: "SANDBOX_LOST", message: `The process of ${this.#link.functionId} did not answer: ${why}` };
  }

  abandon(failure: CallFailure): void {
    this.#fail(failure);
  }

  /** The instance is gone. */
  lost(why: string): void {
    if (this.#socket === null) this.#end({ kind: "unsent", why });
    else this.#end({ kind: "failed", failure: this.#lostFailure(why), isSpent: true });
  }

  /** By a failure of this call alone: what goes on in the program is not known. */
  #fail(failure: CallFailure): void {
    this.#end({ kind: "failed", failure, isSpent: false });
  }

  #end(end: CallEnd): void {
    if (this.#isOver) return;
    this.#over();
    this.#upstream?.destroy();
    this.#ended(end);
  }

  #over(): void {
    this.#isOver = true;
    this.#call.exchange.onDrain = null;
    this.#link.drop(this);
  }
}
