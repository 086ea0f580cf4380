/**
 * Ring layout: where what lies in the file of a ring (docs/process-protocol.md,
 * "The ring"), and the page at its beginning, written and judged. Pure: bytes
 * in, a shape or what is wrong with them out. Everything little-endian.
 */
import { fail, ok, type Result } from "../../../base/result.ts";
import { RingBroken } from "./ring-broken.ts";

export const HEADER_BYTES = 4_096;
/** Less than a page would share pages between directions, more than this can't be counted in 32 bits with a sign. */
export const CAPACITY_MIN_BYTES = 4_096;
export const CAPACITY_MAX_BYTES = 2 ** 30;
/** Length and CRC, before every message. */
export const ENTRY_HEADER_BYTES = 8;
/** In place of a length: nothing more until the end of the data, go on at its beginning. */
export const SKIP = -1;

const MAGIC = "PLRING1\n";
const VERSION = 1;
const FLAG_CRC = 1;
const KNOWN_FLAGS = FLAG_CRC;
const AT = { version: 8, flags: 12, capacity: 16, requests: 20, answers: 24 } as const;

/** Of a direction's words, as indexes of 32 bits: the first of requests, the first of answers, and from there on. */
export const REQUEST_WORDS = 128 / 4;
export const ANSWER_WORDS = 1_152 / 4;
export const WORD = { head: 0, tail: 128 / 4, sleeping: 256 / 4, waiting: 384 / 4 } as const;

export interface RingShape {
  /** Of the data of each direction: a power of two. */
  readonly capacityBytes: number;
  /** Whether every entry carries the CRC-32 of its message. */
  readonly hasCrc: boolean;
}

/** One direction of a ring: its four words and its data. */
export interface RingDirection {
  /** The header page, as words. */
  readonly words: Int32Array;
  /** Index of this direction's head in them. */
  readonly firstWord: number;
  readonly data: Buffer;
  readonly hasCrc: boolean;
}

export function fileBytesOf({ capacityBytes }: RingShape): number {
  return HEADER_BYTES + 2 * capacityBytes;
}

/** Bytes that a message takes, what comes before it and what fills it up among them. */
export function entryBytesOf(messageBytes: number): number {
  return (ENTRY_HEADER_BYTES + messageBytes + 7) & ~7;
}

/** An entry is at most half the data: more might never fit, however empty the ring, where it may not be split. */
export function messageMaxBytesOf(capacityBytes: number): number {
  return capacityBytes / 2 - ENTRY_HEADER_BYTES;
}

export function isCapacity(bytes: number): boolean {
  return bytes >= CAPACITY_MIN_BYTES && bytes <= CAPACITY_MAX_BYTES && Number.isInteger(Math.log2(bytes));
}

export function writeHeader(page: Buffer, { capacityBytes, hasCrc }: RingShape): void {
  page.fill(0, 0, HEADER_BYTES);
  page.write(MAGIC, "latin1");
  page.writeUInt32LE(VERSION, AT.version);
  page.writeUInt32LE(hasCrc ? FLAG_CRC : 0, AT.flags);
  page.writeUInt32LE(capacityBytes, AT.capacity);
  page.writeUInt32LE(HEADER_BYTES, AT.requests);
  page.writeUInt32LE(HEADER_BYTES + capacityBytes, AT.answers);
}

/** Of a file of `fileBytes`, which begins with `page`: a copy, or the other side could change it meanwhile. */
export function readHeader(page: Buffer, fileBytes: number): Result<RingShape, RingBroken> {
  const bad = (what: string) => fail(new RingBroken("BAD_HEADER", `This file is no ring of version ${VERSION}: ${what}`));
  if (page.length < HEADER_BYTES || fileBytes < HEADER_BYTES) return bad(`it has ${Math.min(page.length, fileBytes)} bytes`);
  if (page.toString("latin1", 0, MAGIC.length) !== MAGIC) return bad("it does not begin with PLRING1");
  const version = page.readUInt32LE(AT.version);
  if (version !== VERSION) return bad(`it says version ${version}`);
  const flags = page.readUInt32LE(AT.flags);
  if ((flags & ~KNOWN_FLAGS) !== 0) return bad(`it has unknown flags, 0x${flags.toString(16)}`);
  const capacityBytes = page.readUInt32LE(AT.capacity);
  if (!isCapacity(capacityBytes)) return bad(`it says ${capacityBytes} bytes for each direction`);
  const requests = page.readUInt32LE(AT.requests);
  const answers = page.readUInt32LE(AT.answers);
  if (requests !== HEADER_BYTES || answers !== HEADER_BYTES + capacityBytes) return bad(`it says data at ${requests} and ${answers}`);
  const shape = { capacityBytes, hasCrc: (flags & FLAG_CRC) !== 0 };
  if (fileBytes < fileBytesOf(shape)) return bad(`it has ${fileBytes} bytes where it says ${fileBytesOf(shape)}`);
  return ok(shape);
}

/** Both directions of a ring that lies in this memory. */
export function directionsOf(
  memory: ArrayBuffer,
  { capacityBytes, hasCrc }: RingShape,
): { requests: RingDirection; answers: RingDirection } {
  const words = new Int32Array(memory, 0, HEADER_BYTES / 4);
  const direction = (firstWord: number, at: number): RingDirection => ({
    words,
    firstWord,
    data: Buffer.from(memory, at, capacityBytes),
    hasCrc,
  });
  return { requests: direction(REQUEST_WORDS, HEADER_BYTES), answers: direction(ANSWER_WORDS, HEADER_BYTES + capacityBytes) };
}
