/**
 * S3 reader: an object in a bucket, read by ranges. A connection that breaks or
 * falls silent is taken up again where it was; an answer of another size than
 * the object's is refused before a byte of it is handed on.
 */
import { AssertionError, assert } from "../../../base/assert.ts";
import { StoreError } from "../../store-fault.ts";
import type { ContentReader, PlacedContent } from "../content-store.ts";
import type { S3Answer, S3Client } from "./s3-client.ts";
import { explain, type S3Failure, unanswered } from "./s3-failure.ts";

/** Of one stream: a service that breaks every answer off is down. */
const RESUMES_MAX = 8;

export interface ReaderEvents {
  failed(): void;
  /** Once. */
  closed(): void;
}

export class S3Reader implements ContentReader {
  readonly sizeBytes: number;
  readonly fd = null;
  readonly #client: S3Client;
  readonly #content: PlacedContent;
  readonly #on: ReaderEvents;
  readonly #closing = new AbortController();

  constructor(client: S3Client, content: PlacedContent, on: ReaderEvents) {
    this.#client = client;
    this.#content = content;
    this.#on = on;
    this.sizeBytes = content.sizeBytes;
  }

  async *stream(start: number, end: number): AsyncGenerator<Uint8Array> {
    assert(0 <= start && start <= end && end <= this.sizeBytes, `a range ${start}-${end} outside of ${this.sizeBytes} bytes`);
    let at = start;
    for (let resumes = 0; at < end; resumes++) {
      const answer = await this.#ask(at, end);
      try {
        for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
          at += chunk.length;
          yield chunk;
        }
        assert(at === end, "an answer had another length than its head said");
      } catch (error) {
        if (error instanceof AssertionError) throw error;
        const failure = unanswered(error);
        if (resumes === RESUMES_MAX || !failure.mayPass || this.#closing.signal.aborted) throw this.#error(failure);
        await this.#client.pause(resumes);
      }
    }
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#on.closed();
  }

  async #ask(at: number, end: number): Promise<S3Answer> {
    const { place } = this.#content;
    const range = `bytes=${at}-${end - 1}`;
    const sent = await this.#client.send({ method: "GET", place, range, accepts: [200, 206], signal: this.#closing.signal });
    if (!sent.ok) throw this.#error(sent.failure);
    const { statusCode, headers, body } = sent.value;
    const isWhole = statusCode === 200 && at === 0 && end === this.sizeBytes;
    const isPart = statusCode === 206 && headers["content-range"] === `bytes ${at}-${end - 1}/${this.sizeBytes}`;
    if ((isWhole || isPart) && headers["content-length"] === String(end - at)) return sent.value;
    body.on("error", () => {}).destroy();
    const got = `${statusCode}, ${headers["content-length"]} bytes, range ${headers["content-range"] ?? "none"}`;
    throw this.#error({
      status: statusCode,
      code: "WrongLength",
      message: `asked for ${range} of ${this.sizeBytes}: ${got}`,
      mayPass: false,
    });
  }

  #error(failure: S3Failure): StoreError {
    this.#on.failed();
    return new StoreError(explain(`read ${this.#content.sha256}`, failure, this.#client.storage));
  }
}
