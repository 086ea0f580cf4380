/**
 * Forward: relays one exchange to a worker's HTTP server on a unix socket and
 * its answer back, streaming both ways with back-pressure. For functions that
 * run in processes of their own. Adds no header of ours: that worker knows no
 * more of a request than the first, and trusts it no more.
 */
import { Agent, type IncomingMessage, request } from "node:http";
import { RETRY_SOON_LINE } from "./answer-lines.ts";
import { answerError } from "./error-answer.ts";
import type { Exchange } from "./exchange.ts";
import { REASON_HEADER, reasonIn } from "./forwarded-reason.ts";
import { ANSWER_HEAD_MAX_BYTES, answerLines, fitsOneWrite, relayAnswer, relayBody, relayedHeaders } from "./relay.ts";

export interface ForwardOptions {
  /** Nobody took the connection and not a byte was sent: the exchange is the caller's again. Without it the answer is a 502. */
  readonly onUnsent?: (error: Error) => void;
  /** Why the relay failed, for the log; the client is answered already. */
  readonly onFailure?: (error: Error) => void;
}

/** Shorter than the worker's keep-alive timeout: we close idle connections first, so none is used while it is being closed. */
const IDLE_CONNECTION_MS = 2_000;
const IDLE_CONNECTIONS_MAX_COUNT = 64;
const FAILED_CODE = "FUNCTION_WORKER_DIED";
const FAILED_MESSAGE = "The process that runs this function ended before it answered: try again";

const BETWEEN_WORKERS: ReadonlySet<string> = new Set([REASON_HEADER]);

const agent = new Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS, maxFreeSockets: IDLE_CONNECTIONS_MAX_COUNT });

/** Answers the exchange in every case; takes over its callbacks except onFinished. */
export function forward(exchange: Exchange, socketPath: string, options: ForwardOptions = {}): void {
  let connected = false;
  const upstream = request({
    agent,
    socketPath,
    method: exchange.method,
    path: exchange.target,
    headers: relayedHeaders(exchange),
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
  upstream.on("response", (response) => giveBack(exchange, response, options));
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
      relayBody(exchange, upstream).catch((error: Error) => upstream.destroy(error));
    };
    if (socket.connecting) socket.once("connect", send);
    else send();
  });
}

function giveBack(exchange: Exchange, response: IncomingMessage, options: ForwardOptions): void {
  const reason = reasonIn(response.headers[REASON_HEADER]);
  if (reason !== null) void exchange.tellReason?.(Promise.resolve(reason));
  relayAnswer(exchange, response, answerLines(response, BETWEEN_WORKERS));
  response.on("end", () => exchange.end());
  response.on("error", (error) => {
    if (!exchange.aborted) options.onFailure?.(error);
    exchange.destroy();
  });
}
