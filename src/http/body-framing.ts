/**
 * Body framing: which of a connection's bytes belong to the body under way, by
 * declared length or by chunks, and whether it keeps to bodyMaxBytes. Pushes
 * content into the IncomingBody; knows nothing of sockets.
 */
import type { HttpLimits } from "../config/config.ts";
import { ChunkedDecoder } from "./chunked-decoder.ts";
import type { Refusal } from "./refusal.ts";
import type { IncomingBody } from "./request-body.ts";
import { bodyTooLarge } from "./request-head.ts";

export class BodyFraming {
  readonly body: IncomingBody;
  readonly #limits: HttpLimits;
  readonly #decoder: ChunkedDecoder | null;
  #remainingBytes: number;

  constructor(body: IncomingBody, limits: HttpLimits) {
    this.body = body;
    this.#limits = limits;
    this.#remainingBytes = body.length ?? 0;
    this.#decoder = body.length === null ? new ChunkedDecoder((bytes) => this.#take(bytes)) : null;
  }

  get done(): boolean {
    return this.#decoder === null ? this.#remainingBytes === 0 : this.#decoder.done;
  }

  /** What is still to come, when that is known to be short enough to be read and dropped. */
  isShorterThan(bytes: number): boolean {
    return this.#decoder === null && this.#remainingBytes <= bytes;
  }

  /** Offset behind the last byte that belongs to the body, or why it is refused. */
  feed(segment: Buffer, start: number, end: number): number | Refusal {
    if (this.#decoder !== null) {
      const next = this.#decoder.feed(segment, start, end);
      return this.#decoder.stopped ? bodyTooLarge(this.#limits) : next;
    }
    const next = Math.min(end, start + this.#remainingBytes);
    this.body.push(segment.subarray(start, next));
    this.#remainingBytes -= next - start;
    return next;
  }

  /** Must be called at every end of the body, good or bad. */
  free(): void {
    this.#decoder?.free();
  }

  #take(bytes: Uint8Array): boolean {
    if (this.body.receivedBytes + bytes.length > this.#limits.bodyMaxBytes) return false;
    this.body.push(bytes);
    return true;
  }
}
