/**
 * Request bodies on their way in: bytes pushed by the connection, pulled by
 * whoever holds the exchange. Bounded: past QUEUE_MAX_BYTES unread the
 * connection stops reading from its socket. Every chunk handed out owns its
 * memory, because guests may get hold of the whole buffer behind a view.
 */
import { assert } from "../base/assert.ts";
import type { RequestBody } from "./exchange.ts";

export const QUEUE_MAX_BYTES = 64 * 1024;
/** What a queued chunk costs beside its bytes: a client that sends single bytes must not get megabytes of objects for them. */
const CHUNK_COST_BYTES = 128;

/** What read() rejects with; `code` is one of BODY_TOO_LARGE, BODY_TIMEOUT, BODY_MALFORMED, BODY_ABORTED. */
export class RequestBodyError extends Error {
  override readonly name = "RequestBodyError";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** A body that had arrived with its head, or no body. */
export class WholeBody implements RequestBody {
  readonly complete = true;
  readonly whole: Uint8Array | null;
  readonly length: number | null;
  #taken = false;

  constructor(whole: Uint8Array | null, length: number | null) {
    this.whole = whole;
    this.length = length;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#taken) return null;
    this.#taken = this.whole !== null;
    return this.whole;
  }

  readAll(): Promise<Uint8Array | null> {
    return this.read();
  }
}

/** Shared by every request without one: nothing in it ever changes. */
export const NO_BODY: RequestBody = new WholeBody(null, 0);

/** What a body asks of its connection. */
export interface BodyReceiver {
  /** Somebody began to read: say "100 Continue" if the client waits for it. */
  bodyWanted(): void;
  /** The queue is short again. */
  bodyDrained(): void;
}

export class IncomingBody implements RequestBody {
  readonly length: number | null;
  readonly #receiver: BodyReceiver;
  #queue: Uint8Array[] = [];
  #waiting: { resolve(chunk: Uint8Array | null): void; reject(error: Error): void } | null = null;
  #error: RequestBodyError | null = null;
  #ended = false;
  #readBegun = false;
  queuedBytes = 0;
  receivedBytes = 0;
  complete = false;
  whole: Uint8Array | null = null;

  constructor(receiver: BodyReceiver, length: number | null) {
    this.#receiver = receiver;
    this.length = length;
  }

  /** True once every byte has come in, read or not. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The bytes are copied: the connection reads into one buffer over and over. */
  push(bytes: Uint8Array): void {
    assert(!this.#ended, "body bytes came after the end of the body");
    this.receivedBytes += bytes.length;
    if (this.#error !== null) return;
    const chunk = new Uint8Array(bytes.length);
    chunk.set(bytes);
    const waiting = this.#waiting;
    if (waiting !== null) {
      this.#waiting = null;
      waiting.resolve(chunk);
      return;
    }
    this.#queue.push(chunk);
    this.queuedBytes += chunk.length + CHUNK_COST_BYTES;
  }

  finish(): void {
    this.#ended = true;
    if (!this.#readBegun && this.#error === null) {
      // Nobody has looked yet: a small upload in two segments is as good as one that came whole.
      this.whole = this.receivedBytes === 0 ? null : join(this.#queue, this.receivedBytes);
      this.#queue = this.whole === null ? [] : [this.whole];
      this.queuedBytes = 0;
      this.complete = true;
    }
    this.#waiting?.resolve(null);
    this.#waiting = null;
  }

  fail(error: RequestBodyError): void {
    if (this.#ended || this.#error !== null) return;
    this.#error = error;
    this.#queue = [];
    this.queuedBytes = 0;
    this.#waiting?.reject(error);
    this.#waiting = null;
  }

  read(): Promise<Uint8Array | null> {
    assert(this.#waiting === null, "a body is read by two readers at once");
    if (!this.#readBegun) {
      this.#readBegun = true;
      this.#receiver.bodyWanted();
    }
    if (this.#error !== null) return Promise.reject(this.#error);
    const chunk = this.#queue.shift();
    if (chunk !== undefined) {
      this.queuedBytes -= chunk.length + CHUNK_COST_BYTES;
      if (!this.#ended && this.queuedBytes < QUEUE_MAX_BYTES / 2) this.#receiver.bodyDrained();
      return Promise.resolve(chunk);
    }
    if (this.#ended) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  async readAll(): Promise<Uint8Array | null> {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for (let chunk = await this.read(); chunk !== null; chunk = await this.read()) {
      chunks.push(chunk);
      bytes += chunk.length;
    }
    return bytes === 0 ? null : join(chunks, bytes);
  }
}

function join(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const only = chunks[0];
  if (chunks.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
