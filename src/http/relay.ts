/**
 * Relay: how an exchange is put to an HTTP server behind us and its answer
 * given back, streaming both ways with back-pressure. What a failure means, and
 * who is told, is decided by those who relay (forward.ts, and the links of
 * processes). Loads nothing of node:http: they do.
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Exchange } from "./exchange.ts";
import { headerPairs, hopByHopNames, valuesOf } from "./hop-by-hop.ts";

/** What a function may set (response-head.ts) and a listener adds. Node's own 16 KiB would make a failure of the rest. */
export const ANSWER_HEAD_MAX_BYTES = (256 + 8) * 1024;
const ONE_WRITE_MAX_BYTES = 16 * 1024;
const NONE: ReadonlySet<string> = new Set();

/** Flat [name, value, …]: keeps order, repetition and spelling. `leftOut` holds names in lower case, for others to be added. */
export function relayedHeaders(exchange: Exchange, leftOut: ReadonlySet<string> = NONE): string[] {
  const sent = headerPairs(exchange.headerBlock);
  const dropped = hopByHopNames(valuesOf(sent, "connection"));
  const headers: string[] = [];
  for (const [name, value] of sent) {
    const key = name.toLowerCase();
    // Host again from the exchange; the framing and Expect were ours to meet.
    if (key === "host" || key === "content-length" || key === "expect" || dropped.has(key) || leftOut.has(key)) continue;
    headers.push(name, value);
  }
  headers.push("host", exchange.host === "" ? "localhost" : exchange.host);
  const { length, whole } = exchange.body;
  if (length === null && whole === null && !exchange.body.complete) headers.push("transfer-encoding", "chunked");
  else headers.push("content-length", String(whole?.length ?? length ?? 0));
  return headers;
}

/**
 * Whoever has left may not have been seen to leave by a kept connection. A unix
 * socket refuses the write then (EPIPE), and takes all of a small one or nothing.
 */
export function fitsOneWrite({ body }: Exchange): boolean {
  return body.complete && (body.whole?.length ?? 0) <= ONE_WRITE_MAX_BYTES;
}

/** Rejects when the client's side fails; a server that takes no more ends it. */
export async function relayBody(exchange: Exchange, upstream: ClientRequest): Promise<void> {
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

/** Begins the answer and passes its content on. Its end and its failures are the caller's to hear ("end", "error"). */
export function relayAnswer(exchange: Exchange, response: IncomingMessage, headerLines: string): void {
  const length = response.headers["content-length"];
  // Before the start, so that what came with the head leaves with it.
  response.on("data", (chunk: Buffer) => {
    if (!exchange.write(chunk)) response.pause();
  });
  exchange.onDrain = () => response.resume();
  exchange.start(response.statusCode as number, headerLines, length === undefined ? null : Number(length));
}

/** "name: value\r\n" lines without those of the connection. `leftOut` holds names in lower case. */
export function answerLines(response: IncomingMessage, leftOut: ReadonlySet<string> = NONE): string {
  const dropped = hopByHopNames(response.headers.connection === undefined ? [] : [response.headers.connection]);
  const raw = response.rawHeaders;
  let lines = "";
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const key = name.toLowerCase();
    if (!dropped.has(key) && !leftOut.has(key)) lines += `${name}: ${raw[i + 1]}\r\n`;
  }
  return lines;
}
