/**
 * Forward: relays one exchange to a worker's HTTP server on a unix socket and
 * its answer back, streaming both ways with back-pressure. For functions that
 * run in processes of their own. Adds no header of ours: that worker knows no
 * more of a request than the first, and trusts it no more.
 */
import { Agent, type ClientRequest, type IncomingMessage, request } from "node:http";
import { RETRY_SOON_LINE } from "./answer-lines.ts";
import { answerError } from "./error-answer.ts";
import type { Exchange } from "./exchange.ts";
import { headerPairs, hopByHopNames, valuesOf } from "./hop-by-hop.ts";

export interface ForwardOptions {
  /** Nobody took the connection and not a byte was sent: the exchange is the caller's again. Without it the answer is a 502. */
  readonly onUnsent?: (error: Error) => void;
  /** Why the relay failed, for the log; the client is answered already. */
  readonly onFailure?: (error: Error) => void;
}

/** Shorter than the worker's keep-alive timeout: we close idle connections first, so none is used while it is being closed. */
const IDLE_CONNECTION_MS = 2_000;
const IDLE_CONNECTIONS_MAX_COUNT = 64;
/** What a function may set (response-head.ts) and the worker's listener adds. Node's own 16 KiB would make a 502 of the rest. */
const ANSWER_HEAD_MAX_BYTES = (256 + 8) * 1024;
const ONE_WRITE_MAX_BYTES = 16 * 1024;
const FAILED_CODE = "FUNCTION_WORKER_DIED";
const FAILED_MESSAGE = "The process that runs this function ended before it answered: try again";

const agent = new Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS, maxFreeSockets: IDLE_CONNECTIONS_MAX_COUNT });

/** Answers the exchange in every case; takes over its callbacks except onFinished. */
export function forward(exchange: Exchange, socketPath: string, options: ForwardOptions = {}): void {
  let connected = false;
  const upstream = request({
    agent,
    socketPath,
    method: exchange.method,
    path: exchange.target,
    headers: requestHeaders(exchange),
    maxHeaderSize: ANSWER_HEAD_MAX_BYTES,
  });
  // An idle connection times out in the agent; one that waits for a function must not.
  upstream.setTimeout(0);
  exchange.onAbort = (mayWait) => {
    // The worker shall know as much as we do: the client sends no more, and may wait for its answer.
    if (mayWait !== true) upstream.destroy();
    else if (upstream.writableFinished) upstream.socket?.end();
    else upstream.once("finish", () => upstream.socket?.end());
  };
  upstream.on("response", (response) => relayAnswer(exchange, response, options));
  upstream.on("error", (error: NodeJS.ErrnoException) => {
    if (exchange.aborted) return;
    const unsent = !connected || (upstream.reusedSocket && error.code === "EPIPE" && fitsOneWrite(exchange));
    if (unsent && options.onUnsent !== undefined) {
      options.onUnsent(error);
      return;
    }
    options.onFailure?.(error);
    if (exchange.answered) exchange.destroy();
    else answerError(exchange, 502, FAILED_CODE, FAILED_MESSAGE, RETRY_SOON_LINE);
  });
  // Not before there is a connection: what a streamed body has given away can't be sent again.
  upstream.on("socket", (socket) => {
    const send = (): void => {
      connected = true;
      sendBody(exchange, upstream).catch((error: Error) => upstream.destroy(error));
    };
    if (socket.connecting) socket.once("connect", send);
    else send();
  });
}

/**
 * A worker that has left may not have been seen to leave by its kept connections.
 * A unix socket refuses the write then (EPIPE), and takes all of a small one or nothing.
 */
function fitsOneWrite({ body }: Exchange): boolean {
  return body.complete && (body.whole?.length ?? 0) <= ONE_WRITE_MAX_BYTES;
}

/** Flat [name, value, …]: keeps order, repetition and spelling. */
function requestHeaders(exchange: Exchange): string[] {
  const sent = headerPairs(exchange.headerBlock);
  const dropped = hopByHopNames(valuesOf(sent, "connection"));
  const headers: string[] = [];
  for (const [name, value] of sent) {
    const key = name.toLowerCase();
    // Host again from the exchange; the framing and Expect were ours to meet.
    if (key === "host" || key === "content-length" || key === "expect" || dropped.has(key)) continue;
    headers.push(name, value);
  }
  headers.push("host", exchange.host === "" ? "localhost" : exchange.host);
  const { length, whole } = exchange.body;
  if (length === null && whole === null && !exchange.body.complete) headers.push("transfer-encoding", "chunked");
  else headers.push("content-length", String(whole?.length ?? length ?? 0));
  return headers;
}

async function sendBody(exchange: Exchange, upstream: ClientRequest): Promise<void> {
  const { body } = exchange;
  if (body.complete) {
    upstream.end(body.whole ?? undefined);
    return;
  }
  for (let chunk = await body.read(); chunk !== null; chunk = await body.read()) {
    if (upstream.destroyed) return;
    if (!upstream.write(chunk)) await drainedOrClosed(upstream);
  }
  upstream.end();
}

function drainedOrClosed(upstream: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      upstream.off("drain", done);
      upstream.off("close", done);
      resolve();
    };
    upstream.on("drain", done);
    upstream.on("close", done);
  });
}

function relayAnswer(exchange: Exchange, response: IncomingMessage, options: ForwardOptions): void {
  const length = response.headers["content-length"];
  exchange.start(response.statusCode as number, answerLines(response), length === undefined ? null : Number(length));
  exchange.onDrain = () => response.resume();
  response.on("data", (chunk: Buffer) => {
    if (!exchange.write(chunk)) response.pause();
  });
  response.on("end", () => exchange.end());
  response.on("error", (error) => {
    if (!exchange.aborted) options.onFailure?.(error);
    exchange.destroy();
  });
}

function answerLines(response: IncomingMessage): string {
  const dropped = hopByHopNames(response.headers.connection === undefined ? [] : [response.headers.connection]);
  const raw = response.rawHeaders;
  let lines = "";
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    if (!dropped.has(name.toLowerCase())) lines += `${name}: ${raw[i + 1]}\r\n`;
  }
  return lines;
}
