/**
 * S3 client: one signed request and its answer, attempted again when what went
 * wrong may pass. Two pools of connections within the operator's bound, so that
 * slow readers can't keep uploads and look-ups waiting. undici and the signer
 * are loaded by the first request. Answers whose status was not asked for are
 * failures; their bodies are read for the code and no further.
 */
import { setMaxListeners } from "node:events";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { AwsV4Signer } from "aws4fetch";
import type { Agent, Dispatcher } from "undici";
import { fail, ok, type Result } from "../../../base/result.ts";
import { KIB, SECOND_MS } from "../../../base/units.ts";
import { type S3Storage, s3Url } from "./s3-address.ts";
import { answered, type S3Failure, STOPPED, unanswered } from "./s3-failure.ts";
import { errorIn } from "./s3-xml.ts";

export interface S3Tuning {
  readonly connectTimeoutMs: number;
  /** Until an answer begins. */
  readonly answerTimeoutMs: number;
  /** The longest silence within one. */
  readonly silenceTimeoutMs: number;
  /** Further attempts at what may pass. */
  readonly retriesMax: number;
  /** Before the second attempt; doubled for each one after, and scattered. */
  readonly retryDelayMs: number;
}

export const S3_TUNING: S3Tuning = {
  connectTimeoutMs: 10 * SECOND_MS,
  answerTimeoutMs: 60 * SECOND_MS,
  silenceTimeoutMs: 30 * SECOND_MS,
  retriesMax: 4,
  retryDelayMs: 200,
};

const RETRY_DELAY_MAX_MS = 5 * SECOND_MS;
const ERROR_MAX_BYTES = 64 * KIB;
/** Of the connections, for requests without content: a slow reader never holds one. */
const COMMANDS_SHARE = 0.25;
/** SHA-256 of nothing. */
const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

export interface S3Request {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** Null is the bucket itself. */
  readonly place: string | null;
  readonly query?: Readonly<Record<string, string>>;
  readonly range?: string;
  readonly body?: S3Body;
  /** Statuses that are answers. */
  readonly accepts: readonly number[];
  readonly signal?: AbortSignal;
}

export interface S3Body {
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Made anew for each attempt. */
  readonly bytes: () => Uint8Array | AsyncIterable<Uint8Array>;
}

export type S3Answer = Dispatcher.ResponseData;

interface Loaded {
  readonly request: typeof import("undici").request;
  readonly Signer: typeof AwsV4Signer;
  readonly commands: Agent;
  readonly transfers: Agent;
}

export class S3Client {
  readonly storage: S3Storage;
  readonly #tuning: S3Tuning;
  /** The signer's, of keys that it derives once a day. */
  readonly #keys = new Map<string, ArrayBuffer>();
  readonly #closing = new AbortController();
  #loading: Promise<Loaded> | null = null;

  constructor(storage: S3Storage, tuning: S3Tuning) {
    this.storage = storage;
    this.#tuning = tuning;
    // Any number of requests may pause at once.
    setMaxListeners(0, this.#closing.signal);
  }

  /** The body of an answer must be read or destroyed: its connection is busy until then. */
  async send(request: S3Request): Promise<Result<S3Answer, S3Failure>> {
    this.#loading ??= this.#load();
    const loaded = await this.#loading;
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#attempt(loaded, request);
      const isOver = this.#closing.signal.aborted || request.signal?.aborted === true;
      if (answer.ok || !answer.failure.mayPass || attempt === this.#tuning.retriesMax || isOver) return answer;
      await this.pause(attempt);
    }
  }

  /** Of an answer whose body is short, or none. */
  async sendForText(request: S3Request): Promise<Result<{ readonly answer: S3Answer; readonly text: string }, S3Failure>> {
    const sent = await this.send(request);
    if (!sent.ok) return sent;
    try {
      return ok({ answer: sent.value, text: await textOf(sent.value) });
    } catch (error) {
      return fail(this.#closing.signal.aborted ? STOPPED : unanswered(error));
    }
  }

  /** Longer after each attempt, and never the same for two that failed together. Ends early when the client closes. */
  async pause(attempt: number): Promise<void> {
    const longestMs = Math.min(RETRY_DELAY_MAX_MS, this.#tuning.retryDelayMs * 2 ** attempt);
    await sleep(longestMs * (0.5 + Math.random() / 2), undefined, { signal: this.#closing.signal }).catch(() => {});
  }

  /** Whoever still waits is told that the request failed. */
  async close(): Promise<void> {
    this.#closing.abort();
    const loaded = await this.#loading;
    await Promise.all([loaded?.commands.destroy(), loaded?.transfers.destroy()]);
  }

  async #attempt({ request, Signer, commands, transfers }: Loaded, wanted: S3Request): Promise<Result<S3Answer, S3Failure>> {
    const { method, body, range, signal } = wanted;
    if (this.#closing.signal.aborted) return fail(STOPPED);
    const { accessKeyId, secretAccessKey, sessionToken, region } = this.storage;
    const url = s3Url(this.storage, wanted.place, wanted.query);
    const headers = { "x-amz-content-sha256": body?.sha256 ?? EMPTY_SHA256 };
    const keys = { accessKeyId, secretAccessKey, region, cache: this.#keys, ...(sessionToken === null ? {} : { sessionToken }) };
    const signer = new Signer({ method, url, headers, service: "s3", ...keys });
    const signed = Object.fromEntries((await signer.sign()).headers);
    // Not signed, by the signer's choice: proxies on the way may change them.
    if (range !== undefined) signed["range"] = range;
    if (body !== undefined) signed["content-length"] = String(body.sizeBytes);
    const dispatcher = method === "GET" || body !== undefined ? transfers : commands;
    try {
      const answer = await request(url, { method, headers: signed, body: sendable(body), dispatcher, signal: signal ?? null });
      if (wanted.accepts.includes(answer.statusCode)) return ok(answer);
      return fail(answered(answer.statusCode, errorIn(await textOf(answer))));
    } catch (error) {
      return fail(this.#closing.signal.aborted ? STOPPED : unanswered(error));
    }
  }

  async #load(): Promise<Loaded> {
    const [{ Agent, request }, { AwsV4Signer: Signer }] = await Promise.all([import("undici"), import("aws4fetch")]);
    const { connectTimeoutMs, answerTimeoutMs, silenceTimeoutMs } = this.#tuning;
    const { connectionsMax } = this.storage;
    const agent = (connections: number): Agent =>
      new Agent({
        connections,
        allowH2: false,
        pipelining: 1,
        connect: { timeout: connectTimeoutMs },
        headersTimeout: answerTimeoutMs,
        bodyTimeout: silenceTimeoutMs,
      });
    const commandsMax = Math.floor(connectionsMax * COMMANDS_SHARE);
    const transfers = agent(Math.max(1, connectionsMax - commandsMax));
    return { request, Signer, transfers, commands: commandsMax === 0 ? transfers : agent(commandsMax) };
  }
}

function sendable(body: S3Body | undefined): Uint8Array | Readable | null {
  if (body === undefined) return null;
  const bytes = body.bytes();
  return bytes instanceof Uint8Array ? bytes : Readable.from(bytes, { objectMode: false });
}

/** Of a body that is longer than any of ours, the beginning. */
async function textOf({ body }: S3Answer): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= ERROR_MAX_BYTES) break;
  }
  return Buffer.concat(chunks).toString();
}
