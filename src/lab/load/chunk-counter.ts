/**
 * ChunkCounter: finds the end of a chunked body (RFC 9112 section 7.1) and hands
 * its data on. Every byte of the framing is checked; sizes, extensions and
 * trailers are bounded, since a server may be hostile or broken.
 */
const CR = 13;
const LF = 10;
const SEMICOLON = 59;
const SIZE_DIGITS_MAX = 13;
const LINE_MAX_BYTES = 4_096;
const TRAILERS_MAX_BYTES = 65_536;

const SIZE = 0;
const EXTENSION = 1;
const SIZE_LF = 2;
const DATA = 3;
const DATA_CR = 4;
const DATA_LF = 5;
const TRAILER_START = 6;
const TRAILER = 7;
const TRAILER_LF = 8;
const LAST_LF = 9;
const DONE = 10;

export class ChunkCounter {
  #state = SIZE;
  #left = 0;
  #digitCount = 0;
  #lineBytes = 0;
  /** A phrase about the answer, once it broke the rules. */
  fault: string | null = null;
  isDone = false;

  reset(): void {
    this.#state = SIZE;
    this.#left = 0;
    this.#digitCount = 0;
    this.#lineBytes = 0;
    this.fault = null;
    this.isDone = false;
  }

  /** Reads from `at` to `end` at most; returns where the body's framing ended or the bytes did. */
  read(bytes: Buffer, at: number, end: number, onData: ((bytes: Buffer, from: number, to: number) => void) | null): number {
    while (at < end) {
      if (this.#state === DATA) {
        const to = Math.min(end, at + this.#left);
        onData?.(bytes, at, to);
        this.#left -= to - at;
        at = to;
        if (this.#left === 0) this.#state = DATA_CR;
        continue;
      }
      this.#step(bytes[at]!);
      at++;
      if (this.fault !== null) return at;
      if (this.#state === DONE) {
        this.isDone = true;
        return at;
      }
    }
    return at;
  }

  #step(byte: number): void {
    switch (this.#state) {
      case SIZE:
        this.#size(byte);
        return;
      case EXTENSION:
        if (byte === CR) this.#state = SIZE_LF;
        else if (byte === LF || ++this.#lineBytes > LINE_MAX_BYTES) this.fault = "has a chunk extension that does not end";
        return;
      case SIZE_LF:
        this.#expect(byte, LF, this.#left === 0 ? TRAILER_START : DATA);
        this.#lineBytes = 0;
        return;
      case DATA_CR:
        this.#expect(byte, CR, DATA_LF);
        return;
      case DATA_LF:
        this.#digitCount = 0;
        this.#expect(byte, LF, SIZE);
        return;
      case TRAILER_START:
        this.#state = byte === CR ? LAST_LF : TRAILER;
        return;
      case TRAILER:
        if (byte === CR) this.#state = TRAILER_LF;
        else if (byte === LF || ++this.#lineBytes > TRAILERS_MAX_BYTES) this.fault = "has trailers that do not end";
        return;
      case TRAILER_LF:
        this.#expect(byte, LF, TRAILER_START);
        return;
      default:
        this.#expect(byte, LF, DONE);
        return;
    }
  }

  #size(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0 && ++this.#digitCount <= SIZE_DIGITS_MAX) {
      this.#left = this.#left * 16 + digit;
      return;
    }
    if (digit >= 0 || this.#digitCount === 0 || (byte !== CR && byte !== SEMICOLON)) this.fault = "has a chunk size that is none";
    else this.#state = byte === CR ? SIZE_LF : EXTENSION;
  }

  #expect(byte: number, wanted: number, next: number): void {
    if (byte === wanted) this.#state = next;
    else this.fault = "has a chunk whose length is wrong";
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
