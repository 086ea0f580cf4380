/**
 * A head that arrives in pieces: collected up to its empty line, within bounds,
 * and looked at once per byte however it is cut. Says early what can't become a
 * request any more (bare line feeds, endless lines), so that such a client gets
 * its answer now and not at the timeout.
 */
import type { HttpLimits } from "../config/config.ts";
import { latin1Text } from "./latin1.ts";
import { malformed, type Refusal } from "./refusal.ts";
import { headersTooLarge, headMaxBytes, targetTooLong } from "./request-head.ts";

const CR = 0x0d;
const LF = 0x0a;
const FIRST_CAPACITY = 1024;

export class PartialHead {
  readonly #limits: HttpLimits;
  readonly #maxBytes: number;
  #bytes = Buffer.allocUnsafeSlow(FIRST_CAPACITY);
  #length = 0;
  #lineStart = 0;
  #firstLineEnd = -1;

  constructor(limits: HttpLimits) {
    this.#limits = limits;
    this.#maxBytes = headMaxBytes(limits);
  }

  /**
   * Takes bytes of this head from a segment: the new offset in the segment when
   * the head is complete, -1 when more must come, or why it is refused.
   */
  append(segment: Buffer, start: number, end: number): number | Refusal {
    const before = this.#length;
    const taken = Math.min(end - start, this.#maxBytes - before);
    this.#reserve(before + taken);
    segment.copy(this.#bytes, before, start, start + taken);
    this.#length = before + taken;

    for (let at = before; at < this.#length; at++) {
      at = this.#bytes.indexOf(LF, at);
      if (at === -1 || at >= this.#length) break;
      if (at === 0 || this.#bytes[at - 1] !== CR) return malformed("Bare line feed in the request head: lines end with CR LF");
      if (at - 1 === this.#lineStart) {
        this.#length = at + 1;
        return start + (at + 1 - before);
      }
      if (this.#firstLineEnd === -1) this.#firstLineEnd = at;
      this.#lineStart = at + 1;
    }
    return this.#tooLarge() ?? -1;
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  get text(): string {
    return latin1Text(this.#bytes, 0, this.#length);
  }

  #tooLarge(): Refusal | null {
    const first = this.#bytes[0] as number;
    // Half of an empty line before the request, which RFC 9112 section 2.2 lets pass: completes as "\r\n".
    if (first === CR && this.#length === 1) return null;
    // Not a letter of a method: a TLS hello, for one, would otherwise wait for the timeout.
    if (first < 0x21 || first > 0x7e) return malformed("Malformed request: it does not begin with a method");
    const requestLineMaxBytes = this.#maxBytes - this.#limits.headerMaxBytes;
    if (this.#firstLineEnd === -1) return this.#length >= requestLineMaxBytes ? targetTooLong(this.#limits) : null;
    const headerBytes = this.#length - this.#firstLineEnd;
    return headerBytes > this.#limits.headerMaxBytes || this.#length === this.#maxBytes ? headersTooLarge(this.#limits) : null;
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#maxBytes, Math.max(length, this.#bytes.length * 2)));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
