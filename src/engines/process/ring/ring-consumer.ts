/**
 * Ring consumer: the reading end of one direction (docs/process-protocol.md,
 * "The ring"). Works on typed arrays and knows neither mapping nor socket. The
 * other side may change every byte at any time: each control word is read once,
 * into a local, and judged there; nothing that was not judged becomes an offset.
 * Three ways of reading: `read` and `take` copy first and judge the copy, so what
 * was judged is what the caller has. `view` copies nothing: see there.
 */
import { crc32 } from "./crc32.ts";
import { RingBroken, type RingFault } from "./ring-broken.ts";
import { ENTRY_HEADER_BYTES, entryBytesOf, messageMaxBytesOf, type RingDirection, SKIP, WORD } from "./ring-layout.ts";

const WRONG_CRC = "A message has another CRC-32 than it was sent with";
const SCRATCH_MIN_BYTES = 4_096;
const NOTHING = Buffer.alloc(0);

export class RingConsumer {
  readonly messageMaxBytes: number;
  readonly #words: Int32Array;
  readonly #headWord: number;
  readonly #tailWord: number;
  readonly #sleepingWord: number;
  readonly #waitingWord: number;
  readonly #data: Buffer;
  readonly #entryWords: Int32Array;
  readonly #capacity: number;
  readonly #hasCrc: boolean;
  /** Bytes ever taken, as a signed number of 32 bits: ours, never read back from the ring. */
  #tail: number;
  /** The head when we last looked. */
  #head: number;
  #broken: RingBroken | null = null;
  /** The entry that was found: where its message begins, its bytes, its CRC as told, and the tail behind it. */
  #at = 0;
  #bytes = 0;
  #crc = 0;
  #nextTail: number;
  /** For `take`: as large as the longest message that came, and what is of it the last one. */
  #scratch: Buffer = NOTHING;
  #taken: Buffer = NOTHING;

  /** `startAt`: where both counters of the direction stand, a multiple of 8. */
  constructor({ words, firstWord, data, hasCrc }: RingDirection, startAt = 0) {
    this.messageMaxBytes = messageMaxBytesOf(data.length);
    this.#words = words;
    this.#headWord = firstWord + WORD.head;
    this.#tailWord = firstWord + WORD.tail;
    this.#sleepingWord = firstWord + WORD.sleeping;
    this.#waitingWord = firstWord + WORD.waiting;
    this.#data = data;
    this.#entryWords = new Int32Array(data.buffer, data.byteOffset, data.length / 4);
    this.#capacity = data.length;
    this.#hasCrc = hasCrc;
    this.#tail = startAt | 0;
    this.#head = startAt | 0;
    this.#nextTail = startAt | 0;
  }

  /** The next message in memory of its own, taken from the ring; null when there is none. */
  read(): Buffer | RingBroken | null {
    if (!this.#find()) return this.#broken;
    return this.#copyTo(Buffer.allocUnsafe(this.#bytes));
  }

  /** The same in memory of ours, which nobody else can change; the next `take` writes over it. For 1 KiB 0.1 us less than `read`. */
  take(): Buffer | RingBroken | null {
    if (!this.#find()) return this.#broken;
    const bytes = this.#bytes;
    if (this.#taken.length !== bytes) {
      if (this.#scratch.length < bytes)
        this.#scratch = Buffer.allocUnsafeSlow(Math.max(SCRATCH_MIN_BYTES, 2 ** Math.ceil(Math.log2(bytes))));
      this.#taken = this.#scratch.subarray(0, bytes);
    }
    return this.#copyTo(this.#taken);
  }

  /**
   * The next message where it lies; null when there is none. Valid until `release`, and not to be given to anything
   * that goes on after it (a socket, a thread). A hostile process can change these bytes while they are read, also
   * after their CRC was checked: whoever decides by them reads each once, into a local, and judges that.
   */
  view(): Buffer | RingBroken | null {
    if (!this.#find()) return this.#broken;
    const end = this.#at + this.#bytes;
    if (this.#hasCrc && crc32(this.#data, this.#at, end) !== this.#crc) return this.#break("BAD_CRC", WRONG_CRC);
    return this.#data.subarray(this.#at, end);
  }

  /** Gives the room of the viewed message back. */
  release(): void {
    this.#tail = this.#nextTail;
    Atomics.store(this.#words, this.#tailWord, this.#tail);
  }

  /** Whether the producer has to be rung for after what was taken: it waits for room. */
  isProducerWaiting(): boolean {
    return Atomics.load(this.#words, this.#waitingWord) === 1;
  }

  /** Says that it sleeps, which the producer rings for. False: something came meanwhile, or the ring is broken; it is awake. */
  fallAsleep(): boolean {
    Atomics.store(this.#words, this.#sleepingWord, 1);
    if (this.#look() && this.#head === this.#tail) return true;
    this.wake();
    return false;
  }

  wake(): void {
    Atomics.store(this.#words, this.#sleepingWord, 0);
  }

  /** Whether there is a whole entry; its place is in the fields then. */
  #find(): boolean {
    // Most often there is nothing: one load and a comparison.
    if (this.#head === this.#tail && !(this.#look() && this.#head !== this.#tail)) return false;
    if (this.#broken !== null) return false;
    let published = (this.#head - this.#tail) | 0;
    let at = this.#tail & (this.#capacity - 1);
    let bytes = Atomics.load(this.#entryWords, at >> 2);
    if (bytes === SKIP) {
      const rest = this.#capacity - at;
      if (at === 0 || rest > published) return this.#failed("BAD_SKIP", `${rest} bytes were skipped where ${published} are published`);
      this.#nextTail = (this.#tail + rest) | 0;
      // Skipped bytes are given back at once: the entry behind them may not be published yet.
      this.release();
      published -= rest;
      if (published === 0 && !(this.#look() && this.#head !== this.#tail)) return false;
      published = (this.#head - this.#tail) | 0;
      at = 0;
      bytes = Atomics.load(this.#entryWords, 0);
      if (bytes === SKIP) return this.#failed("BAD_SKIP", "The beginning of the data says that the rest is to be skipped");
    }
    if (bytes < 0 || bytes > this.messageMaxBytes)
      return this.#failed("BAD_LENGTH", `A message says ${bytes >>> 0} bytes where ${this.messageMaxBytes} are the most`);
    const entryBytes = entryBytesOf(bytes);
    if (entryBytes > published) return this.#failed("BAD_LENGTH", `A message of ${bytes} bytes passes the ${published} that are published`);
    if (at + entryBytes > this.#capacity) return this.#failed("BAD_LENGTH", `A message of ${bytes} bytes passes the end of the data`);
    this.#at = at + ENTRY_HEADER_BYTES;
    this.#bytes = bytes;
    this.#crc = Atomics.load(this.#entryWords, (at >> 2) + 1);
    this.#nextTail = (this.#tail + entryBytes) | 0;
    return true;
  }

  /** The head may only go forward, by whole entries, and never a ring ahead of our tail. */
  #look(): boolean {
    if (this.#broken !== null) return false;
    const head = Atomics.load(this.#words, this.#headWord);
    const published = (head - this.#tail) | 0;
    if (published < ((this.#head - this.#tail) | 0) || published > this.#capacity || (published & 7) !== 0)
      return this.#failed("BAD_HEAD", `The head went from ${this.#head >>> 0} to ${head >>> 0} where ${this.#tail >>> 0} bytes are taken`);
    this.#head = head;
    return true;
  }

  /** The copy is summed, not the original: what was judged is what the caller has. */
  #copyTo(message: Buffer): Buffer | RingBroken {
    this.#data.copy(message, 0, this.#at, this.#at + this.#bytes);
    if (this.#hasCrc && crc32(message, 0, message.length) !== this.#crc) return this.#break("BAD_CRC", WRONG_CRC);
    this.release();
    return message;
  }

  #failed(fault: RingFault, message: string): false {
    this.#break(fault, message);
    return false;
  }

  #break(fault: RingFault, message: string): RingBroken {
    this.#broken = new RingBroken(fault, message);
    return this.#broken;
  }
}
