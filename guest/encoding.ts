/**
 * TextEncoder and TextDecoder of the Encoding standard. Short UTF-8 is done
 * here, long UTF-8 and every other encoding by the host: crossing costs a few
 * microseconds, what a loop here does in about a thousand bytes.
 */
import { hostSync } from "./bridge.ts";
import { join } from "./bytes.ts";

/** Measured: 1 Ki characters cost 2.5-6.8 us here, 2 Ki 6.7-12.6 us; the host does either in about 5 us, crossing included. */
const CROSSING_LENGTH = 1024;
/** Longer ones cross in slices: the host works on its event loop, and others are waiting there. */
const SLICE_LENGTH = 256 * 1024;
const REPLACEMENT = 0xfffd;
const UTF8_LABELS = new Set(["utf-8", "utf8", "unicode-1-1-utf-8", "unicode11utf8", "unicode20utf8", "x-unicode20utf8"]);

export function utf8Encode(text: string): Uint8Array {
  const length = text.length;
  if (length > SLICE_LENGTH) return encodeSlices(text);
  if (length > CROSSING_LENGTH) return hostSync("text.encode", text) as Uint8Array;
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0x7f) {
      const wide = new Uint8Array(length * 3);
      return wide.slice(0, encodeInto(text, wide).written);
    }
    bytes[at] = code;
  }
  return bytes;
}

function encodeSlices(text: string): Uint8Array {
  const slices: Uint8Array[] = [];
  for (let at = 0; at < text.length; ) {
    let end = Math.min(at + SLICE_LENGTH, text.length);
    // Never between the halves of a surrogate pair.
    if (end < text.length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800) end++;
    slices.push(hostSync("text.encode", text.slice(at, end)) as Uint8Array);
    at = end;
  }
  return join(slices);
}

/** Malformed bytes become U+FFFD; a byte order mark stays. */
export function utf8Decode(bytes: Uint8Array): string {
  return decodeUtf8(bytes, false);
}

export class TextEncoder {
  get encoding(): string {
    return "utf-8";
  }

  encode(text: unknown = ""): Uint8Array {
    return utf8Encode(String(text));
  }

  encodeInto(text: unknown, bytes: Uint8Array): { read: number; written: number } {
    return encodeInto(String(text), bytes);
  }

  get [Symbol.toStringTag](): string {
    return "TextEncoder";
  }
}

export class TextDecoder {
  readonly encoding: string;
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  /** UTF-8: the bytes of a character that has begun. */
  #pending = new Uint8Array(0);
  /** Other encodings: the host's decoder, while a stream is open. */
  #decoder: number | null = null;
  #atStart = true;

  constructor(label: unknown = "utf-8", options: { fatal?: boolean; ignoreBOM?: boolean } | null = {}) {
    this.encoding = encodingOf(String(label));
    this.fatal = Boolean(options?.fatal);
    this.ignoreBOM = Boolean(options?.ignoreBOM);
  }

  decode(input?: ArrayBuffer | ArrayBufferView | null, options: { stream?: boolean } | null = {}): string {
    const bytes = input === undefined || input === null ? new Uint8Array(0) : viewOf(input);
    const stream = Boolean(options?.stream);
    return this.encoding === "utf-8" ? this.#decodeUtf8(bytes, stream) : this.#decodeByHost(bytes, stream);
  }

  get [Symbol.toStringTag](): string {
    return "TextDecoder";
  }

  #decodeUtf8(bytes: Uint8Array, stream: boolean): string {
    const whole = this.#pending.length === 0 ? bytes : join([this.#pending, bytes]);
    const held = stream ? incompleteTail(whole) : 0;
    this.#pending = whole.slice(whole.length - held);
    const atStart = this.#atStart;
    this.#atStart = !stream;
    let text: string;
    try {
      text = decodeUtf8(held === 0 ? whole : whole.subarray(0, whole.length - held), this.fatal);
    } catch (error) {
      this.#pending = new Uint8Array(0);
      this.#atStart = true;
      throw error;
    }
    if (text === "") {
      this.#atStart ||= atStart;
      return text;
    }
    return atStart && !this.ignoreBOM && text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  }

  #decodeByHost(bytes: Uint8Array, stream: boolean): string {
    const own = bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
    const isLong = own.length > SLICE_LENGTH;
    if (this.#decoder === null && !stream && !isLong)
      return hostSync("text.decode", this.encoding, this.fatal, this.ignoreBOM, own) as string;
    const decoder = this.#decoder ?? (hostSync("text.decoder", this.encoding, this.fatal, this.ignoreBOM) as number);
    // A fault closes the host's decoder, and so does the end of the stream.
    this.#decoder = null;
    let text = "";
    let at = 0;
    for (; own.length - at > SLICE_LENGTH; at += SLICE_LENGTH) {
      text += hostSync("text.decoder.write", decoder, own.slice(at, at + SLICE_LENGTH), false);
    }
    text += hostSync("text.decoder.write", decoder, at === 0 ? own : own.slice(at), !stream);
    if (stream) this.#decoder = decoder;
    return text;
  }
}

function encodingOf(label: string): string {
  const trimmed = label.replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, "").toLowerCase();
  if (UTF8_LABELS.has(trimmed)) return "utf-8";
  const encoding = hostSync("text.label", trimmed.slice(0, 64)) as string | null;
  if (encoding === null) throw new RangeError(`TextDecoder: the label ${JSON.stringify(label)} is not known`);
  return encoding;
}

function encodeInto(text: string, bytes: Uint8Array): { read: number; written: number } {
  let written = 0;
  let at = 0;
  for (; at < text.length; at++) {
    let code = text.charCodeAt(at);
    let units = 1;
    if (code >= 0xd800 && code < 0xe000) {
      const next = at + 1 < text.length && code < 0xdc00 ? text.charCodeAt(at + 1) : 0;
      if (next >= 0xdc00 && next < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (next - 0xdc00);
        units = 2;
      } else code = REPLACEMENT;
    }
    const size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (written + size > bytes.length) break;
    if (size === 1) bytes[written++] = code;
    else {
      bytes[written++] = ((0xf00 >> size) & 0xff) | (code >> (6 * (size - 1)));
      for (let rest = size - 2; rest >= 0; rest--) bytes[written++] = 0x80 | ((code >> (6 * rest)) & 0x3f);
    }
    at += units - 1;
  }
  return { read: at, written };
}

function decodeUtf8(bytes: Uint8Array, fatal: boolean): string {
  const length = bytes.length;
  if (length > SLICE_LENGTH) return decodeSlices(bytes, fatal);
  if (length > CROSSING_LENGTH) {
    return hostSync("text.decode", "utf-8", fatal, true, length === bytes.buffer.byteLength ? bytes : bytes.slice()) as string;
  }
  let ascii = 0;
  while (ascii < length && (bytes[ascii] as number) < 0x80) ascii++;
  if (ascii === length) return String.fromCharCode.apply(null, bytes as unknown as number[]);
  const units: number[] = [];
  for (let at = 0; at < length; ) {
    const size = sequenceLength(bytes, at);
    const lead = bytes[at] as number;
    if (size === 1) units.push(lead);
    else if (size > 1) {
      let code = lead & (0x7f >> size);
      for (let next = 1; next < size; next++) code = (code << 6) | ((bytes[at + next] as number) & 0x3f);
      if (code < 0x10000) units.push(code);
      else units.push(0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff));
    } else if (fatal) throw new TypeError("The bytes are not valid utf-8");
    else units.push(REPLACEMENT);
    at += Math.abs(size);
  }
  return String.fromCharCode.apply(null, units);
}

function decodeSlices(bytes: Uint8Array, fatal: boolean): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    let end = Math.min(at + SLICE_LENGTH, bytes.length);
    // Never within a character.
    if (end < bytes.length) end -= incompleteTail(bytes.subarray(at, end));
    text += hostSync("text.decode", "utf-8", fatal, true, bytes.slice(at, end)) as string;
    at = end;
  }
  return text;
}

/** Bytes of the well-formed character at `at`, or minus the bytes that one U+FFFD stands for (the longest valid beginning). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] as number;
  if (lead < 0x80) return 1;
  const size = lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
  if (size === 0) return -1;
  for (let next = 1; next < size; next++) {
    const byte = at + next < bytes.length ? (bytes[at + next] as number) : -1;
    const low = next > 1 ? 0x80 : lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const high = next > 1 ? 0xbf : lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (byte < low || byte > high) return -next;
  }
  return size;
}

/** How many bytes at the end begin a character that later bytes may complete. */
function incompleteTail(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return sequenceLength(bytes, bytes.length - back) === -back && isLead(byte, back) ? back : 0;
  }
  return 0;
}

/** A lead byte whose character is longer than the bytes there are. */
function isLead(byte: number, have: number): boolean {
  return byte >= 0xc2 && byte < 0xf5 && have < (byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4);
}

export function viewOf(input: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  if (Object.prototype.toString.call(input) === "[object ArrayBuffer]") return new Uint8Array(input);
  throw new TypeError("The argument is neither an ArrayBuffer nor a view of one");
}
