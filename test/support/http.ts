/**
 * A listener on a free loopback port and a client that speaks bytes: what the
 * HTTP tests share. The client checks nothing, so that it can send anything.
 */
import { connect } from "node:net";
import type { HttpLimits, TlsConfig } from "../../src/config/config.ts";
import type { Exchange } from "../../src/http/exchange.ts";
import { createListener, type Listener } from "../../src/http/listener.ts";
import { RequestBodyError } from "../../src/http/request-body.ts";

export const LIMITS: HttpLimits = {
  bodyMaxBytes: 1024 * 1024,
  headerMaxBytes: 8 * 1024,
  targetMaxBytes: 4 * 1024,
  headerTimeoutMs: 5_000,
  idleTransferTimeoutMs: 5_000,
  keepAliveTimeoutMs: 5_000,
  connectionMaxCount: 1_000,
};

export interface Running extends AsyncDisposable {
  readonly listener: Listener;
  readonly port: number;
  /** Requests handed up so far. */
  readonly requestCount: number;
  readonly refused: { status: number; reason: string }[];
  readonly invalid: string[];
}

export async function serve(
  onExchange: (exchange: Exchange) => void,
  limits: Partial<HttpLimits> = {},
  tls: TlsConfig | null = null,
): Promise<Running> {
  const refused: { status: number; reason: string }[] = [];
  const invalid: string[] = [];
  let requestCount = 0;
  const listener = createListener({
    limits: { ...LIMITS, ...limits },
    tls,
    onExchange(exchange) {
      requestCount++;
      onExchange(exchange);
    },
    onRefused: (status, reason) => refused.push({ status, reason }),
    onInvalidAnswer: (_exchange, reason) => invalid.push(reason),
  });
  const port = await listener.listenTcp({ host: "127.0.0.1", port: 0 });
  return {
    listener,
    port,
    get requestCount() {
      return requestCount;
    },
    refused,
    invalid,
    [Symbol.asyncDispose]: () => listener.drain(0),
  };
}

/** Says what it was asked, as JSON. A body that fails has been answered by the listener. */
export function echo(exchange: Exchange): void {
  if (exchange.body.complete) {
    answerEcho(exchange, exchange.body.whole);
    return;
  }
  exchange.body.readAll().then(
    (body) => answerEcho(exchange, body),
    (error: unknown) => {
      if (!(error instanceof RequestBodyError)) throw error;
    },
  );
}

function answerEcho(exchange: Exchange, body: Uint8Array | null): void {
  const { method, target, host, headerBlock } = exchange;
  const text = body === null ? null : Buffer.from(body).toString("latin1");
  exchange.respond(200, "content-type: application/json\r\n", JSON.stringify({ method, target, host, headerBlock, body: text }));
}

export interface Heard {
  /** All bytes until the server closed, or until `enough`. */
  readonly text: string;
  readonly closed: boolean;
}

/** Sends the parts, one segment each, and listens. Ends when the server closes or `enough` says so. */
export function say(
  port: number,
  parts: readonly (string | Uint8Array)[],
  enough: (text: string) => boolean = () => false,
): Promise<Heard> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    let text = "";
    const finish = (closed: boolean) => {
      resolve({ text, closed });
      socket.destroy();
    };
    socket.on("connect", async () => {
      for (const part of parts) {
        if (socket.destroyed) return;
        socket.write(typeof part === "string" ? Buffer.from(part, "latin1") : part);
        // One turn each, so that parts leave as segments of their own.
        await new Promise((turn) => setImmediate(turn));
      }
    });
    socket.on("data", (bytes: Buffer) => {
      text += bytes.toString("latin1");
      if (enough(text)) finish(false);
    });
    socket.on("end", () => finish(true));
    socket.on("error", () => finish(true));
  });
}

export function statusOf(text: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1] ?? 0);
}

/** True once as many answers with content-length have come whole. */
export function answers(count: number): (text: string) => boolean {
  return (text) => countAnswers(text) >= count;
}

function countAnswers(text: string): number {
  let count = 0;
  for (let at = 0; ; count++) {
    const headEnd = text.indexOf("\r\n\r\n", at);
    if (headEnd === -1) return count;
    const length = Number(/\r\ncontent-length: (\d+)/.exec(text.slice(at, headEnd))?.[1] ?? 0);
    at = headEnd + 4 + length;
    if (text.length < at) return count;
  }
}

export async function until(condition: () => boolean, what: string, timeoutMs = 10_000): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`Waited ${timeoutMs} ms in vain: ${what}`);
    await new Promise((turn) => setTimeout(turn, 5));
  }
}
