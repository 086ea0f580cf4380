/**
 * A fake exchange: an engine's view of one request, without a socket. Collects
 * the answer whole, whichever way it was given.
 */
import assert from "node:assert/strict";
import type { Call, CallFailure } from "../../src/engines/engine.ts";
import type { Exchange, RequestBody } from "../../src/http/exchange.ts";

export interface FakeRequest {
  readonly method?: string;
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | null;
  /** Bytes arrive in chunks of this size instead of with the head. */
  readonly chunkBytes?: number;
  /** What reading says in place of the end. */
  readonly bodyFails?: string;
  readonly params?: Readonly<Record<string, string>>;
  /** The client takes nothing until `drain`. */
  readonly isSlow?: boolean;
  readonly remoteAddress?: string;
}

export interface FakeAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  readonly failure: CallFailure | null;
  readonly logs: readonly string[];
}

export interface FakeCall {
  readonly call: Call;
  readonly answer: Promise<FakeAnswer>;
  /** The client goes away. */
  readonly abort: () => void;
  /** A slow client has taken what was written. */
  readonly drain: () => void;
}

/** A call and the promise of its answer. */
export function fakeCall(request: FakeRequest = {}): FakeCall {
  const { promise, resolve } = Promise.withResolvers<FakeAnswer>();
  const logs: string[] = [];
  const chunks: Buffer[] = [];
  let status = 0;
  let lines = "";
  const settle = (failure: CallFailure | null): void =>
    resolve({ status, headers: parseLines(lines), body: Buffer.concat(chunks), failure, logs });
  const headerBlock = Object.entries({ host: "127.0.0.1", ...request.headers })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
  const exchange = {
    method: request.method ?? "GET",
    target: request.target ?? "/",
    headerBlock,
    host: "127.0.0.1",
    secure: false,
    remoteAddress: request.remoteAddress ?? "127.0.0.1",
    header: (name: string) => parseLines(headerBlock).get(name),
    body: fakeBody(request),
    extraLines: "",
    aborted: false,
    answered: false,
    onAbort: null as (() => void) | null,
    onDrain: null as (() => void) | null,
    onFinished: null,
    respond(code: number, headerLines: string, body: string | Uint8Array | null) {
      if (exchange.aborted) return;
      assert.equal(exchange.answered, false, "an exchange was answered twice");
      exchange.answered = true;
      status = code;
      lines = headerLines;
      if (body !== null) chunks.push(Buffer.from(body as string));
      settle(null);
    },
    start(code: number, headerLines: string) {
      if (exchange.aborted) return;
      assert.equal(exchange.answered, false, "an exchange was answered twice");
      exchange.answered = true;
      status = code;
      lines = headerLines;
    },
    write(chunk: Uint8Array) {
      chunks.push(Buffer.from(chunk));
      return request.isSlow !== true;
    },
    end: () => settle(null),
    destroy: () => settle({ code: "SANDBOX_LOST", message: "destroyed" }),
  };
  const call: Call = {
    exchange: exchange as unknown as Exchange,
    params: request.params ?? null,
    requestId: "probe",
    fail: settle,
    log: (level, message) => logs.push(`${level}: ${message}`),
    traceparent: () => "00-11111111111111111111111111111111-2222222222222222-01",
  };
  const abort = (): void => {
    exchange.aborted = true;
    exchange.onAbort?.();
  };
  return { call, answer: promise, abort, drain: () => exchange.onDrain?.() };
}

function fakeBody({ body = null, chunkBytes, bodyFails }: FakeRequest): RequestBody {
  const whole = body === null ? null : Buffer.from(body as string);
  let at = 0;
  const read = async (): Promise<Uint8Array | null> => {
    if (whole === null || at >= whole.length) {
      if (bodyFails !== undefined) throw new Error(bodyFails);
      return null;
    }
    const chunk = whole.subarray(at, at + (chunkBytes ?? whole.length));
    at += chunk.length;
    return new Uint8Array(chunk);
  };
  const isComplete = chunkBytes === undefined || whole === null;
  return {
    complete: isComplete,
    whole: isComplete ? whole : null,
    length: chunkBytes === undefined ? (whole?.length ?? 0) : null,
    read,
    readAll: async () => whole,
  };
}

function parseLines(lines: string): Map<string, string> {
  const fields = lines.split("\r\n").filter((line) => line !== "");
  return new Map(fields.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]));
}
