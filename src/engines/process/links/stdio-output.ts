/**
 * Standard output of a one-shot program, read as it comes: does it begin with a
 * CGI head (RFC 3875 section 6), or is all of it the body? A head is header lines
 * up to an empty one, and one of those that CGI asks for is among them: "Status:
 * ok" is something that people print. Pure. Looks at each byte once, however the
 * output comes apart, and at no more than a head may have.
 */
import { isUtf8 } from "node:buffer";
import { KIB } from "../../../base/units.ts";
import { latin1Text } from "../../../http/latin1.ts";
import { BYTES, isFailure, PLAIN_TEXT } from "../../contracts/answer.ts";
import { type CgiHead, invalidCgi, parseCgiHead } from "../../contracts/cgi-answer.ts";
import type { CallFailure } from "../../engine.ts";

/** "auto" lets the output tell. */
export type OutputForm = "auto" | "cgi" | "plain";

export type OutputHead =
  | { readonly kind: "cgi"; readonly head: CgiHead; readonly body: Buffer }
  | { readonly kind: "plain"; readonly body: Buffer }
  | { readonly kind: "invalid"; readonly failure: CallFailure };

const HEAD_MAX_BYTES = 64 * KIB;
/** A word longer than this before its colon is no header's name. */
const NAME_MAX_CHARS = 128;
const LINE_FEED = 0x0a;
const HEADER_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*$/;
const BEGINS_LIKE_HEADER = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}(?::|$)/;
/** Of these at least one (6.2), with a value that it could have there. */
const CGI_FIELD = /^(?:content-type:[ \t]*[^ \t/]+\/|status:[ \t]*\d{3}(?!\d)|location:[ \t]*(?:\/|[a-z][a-z0-9+.-]*:))/i;

export class OutputHeadReader {
  readonly #form: OutputForm;
  #bytes = Buffer.alloc(0);
  #length = 0;
  #lineStart = 0;
  #isCgi = false;

  constructor(form: OutputForm) {
    this.#form = form;
  }

  /** Null while more must come. Not to be asked again behind its word. */
  push(chunk: Buffer): OutputHead | null {
    if (this.#form === "plain") return { kind: "plain", body: chunk };
    const scanFrom = this.#length;
    this.#append(chunk);
    for (let at = this.#lineFeed(scanFrom); at !== -1; at = this.#lineFeed(at + 1)) {
      const line = this.#line(at);
      if (line === "") return this.#headEnds(at);
      if (!HEADER_LINE.test(line)) return this.#noHead(`${JSON.stringify(line.slice(0, 80))} is no header line`);
      this.#isCgi ||= CGI_FIELD.test(line);
      this.#lineStart = at + 1;
    }
    if (this.#length > HEAD_MAX_BYTES) return this.#noHead(`its head is longer than ${HEAD_MAX_BYTES} bytes`);
    const begun = latin1Text(this.#bytes, this.#lineStart, Math.min(this.#length, this.#lineStart + NAME_MAX_CHARS + 1));
    // Said before the line ends: a progress bar may never end its line.
    if (begun !== "" && begun !== "\r" && !BEGINS_LIKE_HEADER.test(begun)) return this.#noHead("it does not begin with header lines");
    return null;
  }

  /** There is no more. */
  finish(): OutputHead {
    return this.#noHead("it has no empty line behind its header lines");
  }

  #append(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    chunk.copy(this.#bytes, this.#length);
    this.#length = length;
  }

  #lineFeed(from: number): number {
    const at = this.#bytes.indexOf(LINE_FEED, from);
    return at < Math.min(this.#length, HEAD_MAX_BYTES) ? at : -1;
  }

  /** Without its end, CRLF or LF. */
  #line(lineFeedAt: number): string {
    const line = latin1Text(this.#bytes, this.#lineStart, lineFeedAt);
    return line.endsWith("\r") ? line.slice(0, -1) : line;
  }

  #headEnds(lineFeedAt: number): OutputHead {
    if (this.#lineStart === 0) return this.#noHead("it begins with an empty line, where its header lines should be");
    if (!this.#isCgi && this.#form === "auto") return this.#noHead("");
    const text = latin1Text(this.#bytes, 0, this.#lineStart).trimEnd();
    const head = parseCgiHead(text);
    if (isFailure(head)) return { kind: "invalid", failure: head };
    return { kind: "cgi", head, body: this.#bytes.subarray(lineFeedAt + 1, this.#length) };
  }

  #noHead(why: string): OutputHead {
    if (this.#form === "cgi") return { kind: "invalid", failure: invalidCgi(why) };
    return { kind: "plain", body: this.#bytes.subarray(0, this.#length) };
  }
}

/** Header lines of plain output, of which this is the beginning; `isWhole`: or all. */
export function plainLines(output: Buffer, isWhole: boolean): string {
  return isUtf8(isWhole ? output : output.subarray(0, wholeCharacters(output))) ? PLAIN_TEXT : BYTES;
}

/** Bytes up to the last character of UTF-8 that is cut off, if one is. */
function wholeCharacters(output: Buffer): number {
  for (let back = 1; back <= Math.min(3, output.length); back++) {
    const byte = output[output.length - back] as number;
    if ((byte & 0xc0) === 0x80) continue;
    if (byte >= 0xf8) return output.length;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? output.length - back : output.length;
  }
  return output.length;
}
