/**
 * Chunked request bodies (RFC 9112 section 7.1), decoded by llhttp: one parser
 * struct per body that is under way, allocated when it begins and freed when it
 * ends, so that idle connections hold none. Trailers are read and dropped: a
 * trailer must never become a header that somebody trusts.
 */
import { assert } from "../base/assert.ts";
import { allocateParser, errorReason, instantiateLlhttp, type Llhttp, PAUSED } from "./llhttp.ts";
import { malformed, type Refusal } from "./refusal.ts";

/** Takes decoded bytes, valid only during the call; false stops the decoder for good (too large). */
export type BodySink = (bytes: Uint8Array) => boolean;

const WINDOW_BYTES = 64 * 1024;
/** Framing may cost this much, and this much more for each byte of content: one-byte chunks are legal, padded ones are an attack. */
const OVERHEAD_BASE_BYTES = 16 * 1024;
const OVERHEAD_PER_CONTENT_BYTE = 8;
/** The real head has been parsed by request-head.ts; this one puts llhttp where a chunked body begins. */
const STAND_IN_HEAD = Buffer.from("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "latin1");

interface Machine {
  readonly llhttp: Llhttp;
  readonly window: number;
}

let machine: Machine | null = null;
/** The decoder whose bytes llhttp is running over; execution is synchronous, so there is one. */
let running: ChunkedDecoder | null = null;

function theMachine(): Machine {
  if (machine === null) {
    const llhttp = instantiateLlhttp({
      onBody: (_parser, address, length) => (running as ChunkedDecoder).take(new Uint8Array(llhttp.memory.buffer, address, length)),
      onMessageComplete: () => (running as ChunkedDecoder).complete(),
    });
    machine = { llhttp, window: llhttp.malloc(WINDOW_BYTES) };
  }
  return machine;
}

export class ChunkedDecoder {
  readonly #sink: BodySink;
  #parser: number;
  #fedBytes = 0;
  #contentBytes = 0;
  done = false;
  /** The sink refused bytes; nothing more is decoded. */
  stopped = false;

  constructor(sink: BodySink) {
    this.#sink = sink;
    this.#parser = allocateParser(theMachine().llhttp);
    this.#execute(STAND_IN_HEAD, 0, STAND_IN_HEAD.length);
    this.#fedBytes = 0;
  }

  /** Offset behind the last byte that belongs to the body, or why the body is refused. */
  feed(segment: Uint8Array, start: number, end: number): number | Refusal {
    assert(this.#parser !== 0, "a chunked body was fed after its end");
    let at = start;
    while (at < end && !this.done && !this.stopped) {
      const windowEnd = Math.min(end, at + WINDOW_BYTES);
      const errno = this.#execute(segment, at, windowEnd);
      if (errno !== 0 && errno !== PAUSED) {
        return malformed(`Malformed chunked body: ${errorReason(theMachine().llhttp, this.#parser)}`);
      }
      const consumed = errno === PAUSED ? this.#consumed() : windowEnd - at;
      this.#fedBytes += consumed;
      at += consumed;
      const overheadMaxBytes = OVERHEAD_BASE_BYTES + OVERHEAD_PER_CONTENT_BYTE * this.#contentBytes;
      if (this.#fedBytes - this.#contentBytes > overheadMaxBytes) {
        return malformed("Malformed chunked body: more framing than content (chunk extensions, trailers)");
      }
    }
    return at;
  }

  free(): void {
    if (this.#parser !== 0) theMachine().llhttp.llhttp_free(this.#parser);
    this.#parser = 0;
  }

  #execute(bytes: Uint8Array, start: number, end: number): number {
    const { llhttp, window } = theMachine();
    // Allocating parsers may have moved the memory: the view is made anew.
    new Uint8Array(llhttp.memory.buffer, window, WINDOW_BYTES).set(bytes.subarray(start, end));
    running = this;
    const errno = llhttp.llhttp_execute(this.#parser, window, end - start);
    running = null;
    return errno;
  }

  #consumed(): number {
    const { llhttp, window } = theMachine();
    return llhttp.llhttp_get_error_pos(this.#parser) - window;
  }

  /** Called by llhttp. */
  take(bytes: Uint8Array): number {
    this.#contentBytes += bytes.length;
    if (this.#sink(bytes)) return 0;
    this.stopped = true;
    return PAUSED;
  }

  /** Called by llhttp at the empty line behind the last chunk. */
  complete(): number {
    this.done = true;
    return PAUSED;
  }
}
