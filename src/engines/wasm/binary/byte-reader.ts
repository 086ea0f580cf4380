/**
 * Byte reader: a cursor over untrusted bytes, with the primitives of the
 * WebAssembly binary format (core specification 3.0, section 5.2). Every fault is
 * thrown as Malformed (or Proposed) and becomes a Failure at the one door, parse-module.ts: a Result
 * for each of a million integers would cost an object each. Must not allocate
 * by a count that the bytes merely claim.
 */

const U32_MAX_BYTES = 5;
const U64_MAX_BYTES = 10;
const LEB_BITS = 7;
const LEB_MORE = 0x80;
const LEB_VALUE = 0x7f;

/** Not an Error: it needs no stack, and it never leaves this folder. */
export class Malformed {
  readonly offset: number;
  /** What should have been there: a phrase. */
  readonly expected: string;

  constructor(offset: number, expected: string) {
    this.offset = offset;
    this.expected = expected;
  }
}

/** Well-formed by a proposal that is not part of the standard that we read. */
export class Proposed {
  readonly offset: number;
  /** What the module does: a verb and what follows. */
  readonly does: string;
  readonly hint: string;

  constructor(offset: number, does: string, hint: string) {
    this.offset = offset;
    this.does = does;
    this.hint = hint;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class ByteReader {
  readonly bytes: Uint8Array;
  at: number;
  /** Nothing is read from here on. */
  end: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  u8(what: string): number {
    if (this.at >= this.end) throw new Malformed(this.at, what);
    return this.bytes[this.at++]!;
  }

  u32(what: string): number {
    // Nearly all of a module's integers are of one byte.
    const first = this.at < this.end ? this.bytes[this.at]! : LEB_MORE;
    if (first < LEB_MORE) {
      this.at++;
      return first;
    }
    return this.#unsigned(what, U32_MAX_BYTES, 2 ** 32 - 1);
  }

  /** Sizes of 64-bit memories and tables; what no double holds exactly is beyond every limit of the format. */
  u64(what: string): number {
    return this.#unsigned(what, U64_MAX_BYTES, Number.MAX_SAFE_INTEGER);
  }

  #unsigned(what: string, maxBytes: number, max: number): number {
    const start = this.at;
    let value = 0;
    for (let count = 0; count < maxBytes; count++) {
      const byte = this.u8(what);
      // Not a shift: that would wrap at 32 bits.
      value += (byte & LEB_VALUE) * 2 ** (LEB_BITS * count);
      if (value > max) break;
      if (byte < LEB_MORE) return value;
    }
    throw new Malformed(start, `${what}, an integer of at most ${max}`);
  }

  /** A type index (>= 0) or the code of an abstract heap type (< 0): s33 of the specification. */
  s33(what: string): number {
    const start = this.at;
    let value = 0;
    for (let count = 0; count < U32_MAX_BYTES; count++) {
      const byte = this.u8(what);
      const isLast = byte < LEB_MORE;
      const isNegative = isLast && (byte & 0x40) !== 0;
      value += ((byte & LEB_VALUE) - (isNegative ? LEB_MORE : 0)) * 2 ** (LEB_BITS * count);
      if (isLast && value >= -(2 ** 32) && value < 2 ** 32) return value;
    }
    throw new Malformed(start, what);
  }

  skip(count: number, what: string): void {
    if (count > this.end - this.at) throw new Malformed(this.at, `${count} bytes of ${what}, where ${this.end - this.at} are left`);
    this.at += count;
  }

  /** UTF-8 with its length before it. */
  name(what: string): string {
    const length = this.u32(what);
    const start = this.at;
    this.skip(length, what);
    try {
      return utf8.decode(this.bytes.subarray(start, this.at));
    } catch {
      throw new Malformed(start, `${what} in UTF-8`);
    }
  }
}

/** The shortest LEB128 form. */
export function unsignedLeb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= LEB_MORE; rest = Math.floor(rest / LEB_MORE)) bytes.push((rest % LEB_MORE) | LEB_MORE);
  bytes.push(rest);
  return bytes;
}
