/**
 * Ring producer: the writing end of one direction (docs/process-protocol.md,
 * "The ring"). Works on typed arrays and knows neither mapping nor socket.
 * `reserve`, fill, `commit`: a message is written where it will be read. Of what
 * the other side may write it reads the tail and the sleeping word alone, each
 * once a look and only as a number to be judged.
 * Hot path: no allocation without CRC, one Atomics.store a message.
 */
import { assert } from "../../../base/assert.ts";
import { crc32 } from "./crc32.ts";
import { RingBroken } from "./ring-broken.ts";
import { ENTRY_HEADER_BYTES, entryBytesOf, messageMaxBytesOf, type RingDirection, SKIP, WORD } from "./ring-layout.ts";

/** In place of a position: no room now, or the ring is broken (`broken`). */
export const NO_ROOM = -1;

export class RingProducer {
  /** Memory of the ring: write only what `reserve` gave, and read nothing back: the other side may have changed it. */
  readonly into: Buffer;
  readonly messageMaxBytes: number;
  readonly #words: Int32Array;
  readonly #headWord: number;
  readonly #tailWord: number;
  readonly #sleepingWord: number;
  readonly #waitingWord: number;
  readonly #entryWords: Int32Array;
  readonly #capacity: number;
  readonly #hasCrc: boolean;
  /** Bytes ever published, as a signed number of 32 bits: ours, never read back from the ring. */
  #head: number;
  /** The tail when we last looked. */
  #tail: number;
  #broken: RingBroken | null = null;
  /** Where the reserved message begins; NO_ROOM when none is. */
  #reservedAt = NO_ROOM;
  #reservedBytes = 0;
  /** The head when it is published. */
  #reservedHead = 0;

  /** `startAt`: where both counters of the direction stand, a multiple of 8. */
  constructor({ words, firstWord, data, hasCrc }: RingDirection, startAt = 0) {
    this.into = data;
    this.messageMaxBytes = messageMaxBytesOf(data.length);
    this.#words = words;
    this.#headWord = firstWord + WORD.head;
    this.#tailWord = firstWord + WORD.tail;
    this.#sleepingWord = firstWord + WORD.sleeping;
    this.#waitingWord = firstWord + WORD.waiting;
    this.#entryWords = new Int32Array(data.buffer, data.byteOffset, data.length / 4);
    this.#capacity = data.length;
    this.#hasCrc = hasCrc;
    this.#head = startAt | 0;
    this.#tail = startAt | 0;
  }

  /** What the consumer did to the ring; once there, it stays. */
  get broken(): RingBroken | null {
    return this.#broken;
  }

  /**
   * Where in `into` a message of so many bytes is to be written; NO_ROOM when there is none. Nothing is seen of
   * it before `commit`; another `reserve` forgets it.
   */
  reserve(messageBytes: number): number {
    assert(messageBytes >= 0 && messageBytes <= this.messageMaxBytes, "a message does not fit its ring");
    const entryBytes = entryBytesOf(messageBytes);
    const at = this.#head & (this.#capacity - 1);
    const rest = this.#capacity - at;
    const skipped = rest < entryBytes ? rest : 0;
    this.#reservedAt = NO_ROOM;
    if (!this.#hasRoom(entryBytes + skipped)) return NO_ROOM;
    if (skipped > 0) this.#entryWords[at >> 2] = SKIP;
    const entryAt = skipped > 0 ? 0 : at;
    // The last eight bytes, of which the message leaves up to seven: zeros, not what an old message said.
    const lastWord = (entryAt + entryBytes) >> 2;
    this.#entryWords[lastWord - 1] = 0;
    this.#entryWords[lastWord - 2] = 0;
    this.#reservedAt = entryAt + ENTRY_HEADER_BYTES;
    this.#reservedBytes = messageBytes;
    this.#reservedHead = (this.#head + skipped + entryBytes) | 0;
    return this.#reservedAt;
  }

  /** Publishes what was reserved and filled. `isConsumerAsleep` is the next question. */
  commit(): void {
    const at = this.#reservedAt;
    assert(at !== NO_ROOM, "a message was committed that nothing was reserved for");
    const bytes = this.#reservedBytes;
    const entryWord = (at - ENTRY_HEADER_BYTES) >> 2;
    this.#entryWords[entryWord] = bytes;
    this.#entryWords[entryWord + 1] = this.#hasCrc ? crc32(this.into, at, at + bytes) : 0;
    this.#reservedAt = NO_ROOM;
    this.#head = this.#reservedHead;
    Atomics.store(this.#words, this.#headWord, this.#head);
  }

  /** A message that lies in one piece already. False: no room, or broken. */
  write(message: Uint8Array): boolean {
    const at = this.reserve(message.length);
    if (at === NO_ROOM) return false;
    this.into.set(message, at);
    this.commit();
    return true;
  }

  /** Whether the consumer has to be rung for after what was committed: true once for each of its sleeps. */
  isConsumerAsleep(): boolean {
    if (Atomics.load(this.#words, this.#sleepingWord) !== 1) return false;
    Atomics.store(this.#words, this.#sleepingWord, 0);
    return true;
  }

  /** Says that it waits for room, which the consumer rings for. False: the room is there after all; ask `reserve` again. */
  waitForRoom(messageBytes: number): boolean {
    Atomics.store(this.#words, this.#waitingWord, 1);
    if (this.reserve(messageBytes) === NO_ROOM) return true;
    this.stopWaiting();
    return false;
  }

  stopWaiting(): void {
    Atomics.store(this.#words, this.#waitingWord, 0);
  }

  #hasRoom(bytes: number): boolean {
    if (this.#capacity - ((this.#head - this.#tail) | 0) >= bytes) return this.#broken === null;
    return this.#look() && this.#capacity - ((this.#head - this.#tail) | 0) >= bytes;
  }

  /** The tail may only come nearer to our head, by whole entries. */
  #look(): boolean {
    if (this.#broken !== null) return false;
    const tail = Atomics.load(this.#words, this.#tailWord);
    const taken = (tail - this.#tail) | 0;
    if (taken < 0 || taken > ((this.#head - this.#tail) | 0) || (taken & 7) !== 0) {
      this.#broken = new RingBroken(
        "BAD_TAIL",
        `The tail went from ${this.#tail >>> 0} to ${tail >>> 0} where ${this.#head >>> 0} bytes are published`,
      );
      return false;
    }
    this.#tail = tail;
    return true;
  }
}
