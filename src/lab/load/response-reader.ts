/**
 * ResponseReader: answers out of the bytes of one connection, however they were
 * cut. Hot path: an answer whose head is byte for byte the last one's (a server
 * under load says the same all second) is not parsed again, only compared:
 * see docs/decisions/0009-load-generator.md.
 * Keeps no body unless a check wants to read it, and then a bounded one.
 */
import { MIB } from "../../base/units.ts";
import { latin1Text } from "../../http/latin1.ts";
import { ChunkCounter } from "./chunk-counter.ts";
import { BY_CLOSE, BY_LENGTH, CHUNKED, type HeaderCheck, NO_BODY, parseHead, type ResponseHead } from "./response-head.ts";

const HEAD_MAX_BYTES = 65_536;
export const CHECKED_BODY_MAX_BYTES = 16 * MIB;
const NO_BYTES = Buffer.alloc(0);
const FIRST_BUFFER_BYTES = 1_024;
/** A larger one is let go between answers: a thousand connections have one each. */
const KEPT_BUFFER_MAX_BYTES = 65_536;

/** What all readers of a thread share: what is asked of heads, and the last head seen. */
export class HeadMemory {
  readonly isHeadRequest: boolean;
  readonly headerChecks: readonly HeaderCheck[];
  text = "";
  head: ResponseHead | null = null;

  constructor(isHeadRequest: boolean, headerChecks: readonly HeaderCheck[]) {
    this.isHeadRequest = isHeadRequest;
    this.headerChecks = headerChecks;
  }
}

const HEAD_END = "\r\n\r\n";

export class ResponseReader {
  readonly #memory: HeadMemory;
  readonly #keepsBody: boolean;
  readonly #expected: Buffer | null;
  readonly #looksAtBody: boolean;
  /** Of the expected body, how much has come. */
  #comparedBytes = 0;
  #hasDiffered = false;
  #partialHead = "";
  #leftBytes = 0;
  #chunks: ChunkCounter | null = null;
  /** Grows by doubling: a part for each of the smallest chunks would be a hundred times the body. */
  #bodyBuffer = NO_BYTES;
  #bodyBytes = 0;
  /** Of the answer being read; null before its head is whole. */
  head: ResponseHead | null = null;
  isComplete = false;
  /** A phrase about the answer: it broke the rules and nothing after it can be read. */
  fault: string | null = null;

  /** `expected` is compared as the body comes: it may be larger than what is kept. */
  constructor(memory: HeadMemory, keepsBody: boolean, expected: Buffer | null) {
    this.#memory = memory;
    this.#keepsBody = keepsBody;
    this.#expected = expected;
    this.#looksAtBody = keepsBody || expected !== null;
  }

  /** Before each answer. */
  reset(): void {
    this.head = null;
    this.isComplete = false;
    this.fault = null;
    this.#comparedBytes = 0;
    this.#hasDiffered = false;
    if (this.#partialHead !== "") this.#partialHead = "";
    if (this.#bodyBytes > 0) {
      if (this.#bodyBuffer.length > KEPT_BUFFER_MAX_BYTES) this.#bodyBuffer = NO_BYTES;
      this.#bodyBytes = 0;
    }
  }

  /** Reads until the answer is complete, at fault, or the bytes end; returns where it stopped. */
  read(bytes: Buffer, at: number, end: number): number {
    while (this.head === null) {
      at = this.#readHead(bytes, at, end);
      if (this.fault !== null || (this.head === null && at === end)) return at;
    }
    if (this.head.framing === NO_BODY) {
      this.isComplete = true;
      return at;
    }
    return this.#readBody(this.head.framing, bytes, at, end);
  }

  /** The server closed its side: null when that is how this body ends, else a phrase saying what is missing. */
  close(): string | null {
    if (this.head === null)
      return this.#partialHead === "" ? "closed the connection without an answer" : "closed the connection within the head";
    if (this.head.framing === BY_CLOSE) {
      this.isComplete = true;
      return null;
    }
    if (this.head.framing === BY_LENGTH) {
      return `closed the connection after ${this.head.length - this.#leftBytes} of ${this.head.length} bytes of the body`;
    }
    return "closed the connection before the last chunk of the body";
  }

  /** Whether anything of an answer has arrived. */
  get hasBegun(): boolean {
    return this.head !== null || this.#partialHead !== "";
  }

  /** The complete body, until the next answer; null when it was too large to keep. */
  body(): Buffer | null {
    if (this.#bodyBytes > CHECKED_BODY_MAX_BYTES) return null;
    return this.#bodyBuffer.subarray(0, this.#bodyBytes);
  }

  /** Of a complete answer, where a body is expected. */
  get isAsExpected(): boolean {
    return !this.#hasDiffered && this.#comparedBytes === this.#expected?.length;
  }

  #readHead(bytes: Buffer, at: number, end: number): number {
    const memory = this.#memory;
    const length = memory.text.length;
    if (this.#partialHead === "" && length > 0 && end - at >= length && latin1Text(bytes, at, at + length) === memory.text) {
      this.#begin(memory.head!);
      return at + length;
    }
    const before = this.#partialHead.length;
    const text = this.#partialHead + latin1Text(bytes, at, Math.min(end, at + HEAD_MAX_BYTES));
    const headEnd = text.indexOf(HEAD_END, Math.max(0, before - HEAD_END.length));
    if (headEnd === -1) {
      this.#partialHead = text;
      if (text.length >= HEAD_MAX_BYTES) this.fault = `has a head of more than ${HEAD_MAX_BYTES} bytes`;
      // Garbage is told at once: the end of a head might never come.
      else if (!"HTTP/1.".startsWith(text.slice(0, 7))) this.fault = parseHead(text.split("\r\n", 1)[0]!, false, []) as string;
      return end;
    }
    this.#partialHead = "";
    const next = at + headEnd + HEAD_END.length - before;
    const head = parseHead(text.slice(0, headEnd), memory.isHeadRequest, memory.headerChecks);
    if (typeof head === "string") this.fault = head;
    else if (head.status === 101) this.fault = "switches protocols without being asked";
    else if (head.status >= 200) {
      memory.text = text.slice(0, headEnd + HEAD_END.length);
      memory.head = head;
      this.#begin(head);
    }
    return next;
  }

  #begin(head: ResponseHead): void {
    this.head = head;
    this.#leftBytes = head.length;
    if (head.framing !== CHUNKED) return;
    this.#chunks ??= new ChunkCounter();
    this.#chunks.reset();
  }

  #readBody(framing: ResponseHead["framing"], bytes: Buffer, at: number, end: number): number {
    if (framing === CHUNKED) {
      const chunks = this.#chunks!;
      const to = chunks.read(bytes, at, end, this.#looksAtBody ? this.#take : null);
      this.fault = chunks.fault;
      this.isComplete = chunks.isDone;
      return to;
    }
    const to = framing === BY_LENGTH ? Math.min(end, at + this.#leftBytes) : end;
    if (this.#looksAtBody && to > at) this.#take(bytes, at, to);
    if (framing === BY_LENGTH) {
      this.#leftBytes -= to - at;
      this.isComplete = this.#leftBytes === 0;
    }
    return to;
  }

  readonly #take = (bytes: Buffer, from: number, to: number): void => {
    if (this.#keepsBody) this.#keep(bytes, from, to);
    if (this.#expected !== null && !this.#hasDiffered) this.#compare(this.#expected, bytes, from, to);
  };

  #compare(expected: Buffer, bytes: Buffer, from: number, to: number): void {
    const at = this.#comparedBytes;
    this.#comparedBytes += to - from;
    this.#hasDiffered = this.#comparedBytes > expected.length || expected.compare(bytes, from, to, at, this.#comparedBytes) !== 0;
  }

  /** Copied: the bytes lie in the buffer that the next read fills. */
  #keep(bytes: Buffer, from: number, to: number): void {
    const at = this.#bodyBytes;
    this.#bodyBytes += to - from;
    if (this.#bodyBytes > CHECKED_BODY_MAX_BYTES) {
      this.#bodyBuffer = NO_BYTES;
      return;
    }
    if (this.#bodyBytes > this.#bodyBuffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BUFFER_BYTES, 2 ** Math.ceil(Math.log2(this.#bodyBytes))));
      this.#bodyBuffer.copy(grown, 0, 0, at);
      this.#bodyBuffer = grown;
    }
    bytes.copy(this.#bodyBuffer, at, from, to);
  }
}
