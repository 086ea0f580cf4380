/**
 * The answer of an upstream as its reader sees it: bytes as they were sent, at
 * the reader's pace, and never an end that came too early without an error.
 */
import type { Dispatcher } from "undici";
import type { UpstreamFailure } from "../failures.ts";
import { type UpstreamAnswer, UpstreamError } from "./upstream.ts";

/** A rest this short is read, to keep the connection; above it the connection is given up. */
const DISCARD_MAX_BYTES = 64 * 1024;

const NOTHING: AsyncIterable<Uint8Array> = {
  [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }),
};

export interface AnswerOptions {
  readonly response: Dispatcher.ResponseData;
  readonly url: string;
  readonly hasBody: boolean;
  /** Says what an error of the body means. */
  readonly failure: (error: unknown, gotBytes: number, wantedBytes: number | null) => UpstreamFailure;
  readonly onBytes: (count: number) => void;
}

export class Answer implements UpstreamAnswer {
  readonly status: number;
  readonly url: string;
  readonly body: AsyncIterable<Uint8Array>;
  readonly #response: Dispatcher.ResponseData;

  constructor(options: AnswerOptions) {
    const { response } = options;
    this.status = response.statusCode;
    this.url = options.url;
    this.#response = response;
    // A body that is given up fails; its reader is told by the loop, and where nobody reads nobody needs to be.
    response.body.on("error", () => {});
    this.body = options.hasBody ? this.#read(options) : NOTHING;
    if (!options.hasBody) this.discard();
  }

  header(name: string): string | null {
    return headerOf(this.#response, name);
  }

  discard(): void {
    drop(this.#response);
  }

  async *#read({ response, failure, onBytes }: AnswerOptions): AsyncGenerator<Uint8Array, void, void> {
    const wantedBytes = lengthOf(this.header("content-length"));
    let gotBytes = 0;
    try {
      for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
        gotBytes += chunk.byteLength;
        onBytes(chunk.byteLength);
        yield chunk;
      }
    } catch (error) {
      throw new UpstreamError(failure(error, gotBytes, wantedBytes));
    }
    if (wantedBytes !== null && gotBytes !== wantedBytes) throw new UpstreamError(failure(null, gotBytes, wantedBytes));
  }
}

/** Reads a short rest of a body and lets go of a long one. */
export function drop(response: Dispatcher.ResponseData): void {
  response.body.dump({ limit: DISCARD_MAX_BYTES }).catch(() => {});
}

export function headerOf(response: Dispatcher.ResponseData, name: string): string | null {
  const value = Object.hasOwn(response.headers, name) ? response.headers[name] : undefined;
  if (value === undefined) return null;
  return Array.isArray(value) ? value.join(", ") : value;
}

export function lengthOf(value: string | null): number | null {
  return value !== null && /^\d{1,15}$/.test(value) ? Number(value) : null;
}
