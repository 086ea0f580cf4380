/**
 * Content body: what an index sent, made text. Says by its type, or for want
 * of one by its first byte, which parser it is for; undoes its codings, never
 * beyond a bound, because a few kilobytes can stand for gigabytes.
 * Synchronous and slow: belongs on a thread that may wait. Of a large body the
 * bytes are let go of as soon as the next form of them is there.
 */
import * as zlib from "node:zlib";
import { fail, ok, type Result } from "../../base/result.ts";
import { MIB } from "../../base/units.ts";
import type { UpstreamFailure } from "../failures.ts";

export interface ContentBody {
  /** One after the other; what is behind `sizeBytes` is not part of it. */
  readonly blocks: readonly ArrayBuffer[];
  readonly sizeBytes: number;
  readonly contentType: string | null;
  readonly contentEncoding: string | null;
  /** Of whom a failure speaks, without credentials. */
  readonly url: string;
}

export interface ContentText {
  readonly parser: "json" | "html";
  readonly text: string;
}

/** More codings over each other than anybody sends. */
const CODINGS_MAX = 3;
/** Where an HTML page's own word about its charset must be (HTML standard, "prescan"). */
const CHARSET_PRESCAN_BYTES = 1024;
const SHOWN_TYPE_LENGTH = 80;
/** Smaller ones may lie in a pool with others. */
const LET_GO_MIN_BYTES = MIB;

const JSON_TYPES = new Set(["application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.latest+json", "application/json"]);
const HTML_TYPES = new Set([
  "application/vnd.pypi.simple.v1+html",
  "application/vnd.pypi.simple.latest+html",
  "text/html",
  "application/xhtml+xml",
]);
/** What servers say that know nothing of their files. */
const UNTOLD_TYPES = new Set(["", "text/plain", "application/octet-stream", "binary/octet-stream"]);

const BRACE = "{".charCodeAt(0);
const LESS_THAN = "<".charCodeAt(0);
const UTF8_MARK = [0xef, 0xbb, 0xbf] as const;

export function readContent(body: ContentBody, maxBytes: number): Result<ContentText, UpstreamFailure> {
  const plain = decompress(joined(body), body, maxBytes);
  if (!plain.ok) return plain;
  const parser = parserFor(mediaType(body.contentType), firstByte(plain.value));
  if (!parser.ok) return malformed(body, parser.failure);
  // JSON is UTF-8 whatever a parameter says (RFC 8259 section 8.1).
  const charset = parser.value === "json" ? "utf-8" : htmlCharset(body.contentType, plain.value);
  const text = decodeText(plain.value, charset);
  letGo(plain.value, plain.value.buffer);
  return ok({ parser: parser.value, text });
}

/** A JSON document under HTML's name is told by its brace; a picture, an archive or a future version of the API is refused. */
export function parserFor(type: string, first: number): Result<"json" | "html", string> {
  if (first === -1) return fail("it is empty");
  if (JSON_TYPES.has(type)) return ok("json");
  if (HTML_TYPES.has(type)) return ok(first === BRACE ? "json" : "html");
  if (!UNTOLD_TYPES.has(type)) return fail(`its content type is ${printable(type)}`);
  if (first === BRACE) return ok("json");
  if (first === LESS_THAN) return ok("html");
  return fail("it has no content type, and begins like neither JSON nor HTML");
}

function decompress(bytes: Buffer, body: ContentBody, maxBytes: number): Result<Buffer, UpstreamFailure> {
  const codings = (body.contentEncoding ?? "")
    .toLowerCase()
    .split(",")
    .map((coding) => coding.trim())
    .filter((coding) => coding !== "" && coding !== "identity");
  if (codings.length > CODINGS_MAX) return malformed(body, `it is coded ${codings.length} times`);
  let plain = bytes;
  for (const coding of codings.reverse()) {
    const decode = DECODERS[coding];
    if (decode === undefined) return malformed(body, `its content coding is ${printable(coding)}`);
    try {
      plain = decode(plain, { maxOutputLength: maxBytes });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ERR_BUFFER_TOO_LARGE") return fail({ code: "UPSTREAM_TOO_LARGE", url: body.url, maxBytes });
      return malformed(body, `its ${coding} data is damaged (${code ?? (error as Error).message})`);
    }
  }
  return ok(plain);
}

type Decoder = (bytes: Buffer, bound: { readonly maxOutputLength: number }) => Buffer;

const DECODERS: Readonly<Record<string, Decoder | undefined>> = Object.assign(Object.create(null), {
  gzip: zlib.gunzipSync,
  "x-gzip": zlib.gunzipSync,
  br: zlib.brotliDecompressSync,
  zstd: zlib.zstdDecompressSync,
  deflate: (bytes, bound) => {
    // RFC 9110 means zlib's format; some servers send what is inside of it.
    const isWrapped = (bytes[0]! & 0x0f) === 8 && ((bytes[0]! << 8) | bytes[1]!) % 31 === 0;
    return isWrapped ? zlib.inflateSync(bytes, bound) : zlib.inflateRawSync(bytes, bound);
  },
} satisfies Record<string, Decoder>);

function joined({ blocks, sizeBytes }: ContentBody): Buffer {
  if (blocks.length === 1) return Buffer.from(blocks[0]!, 0, sizeBytes);
  const whole = Buffer.allocUnsafeSlow(sizeBytes);
  let at = 0;
  for (const block of blocks) {
    at += Buffer.from(block).copy(whole, at);
    letGo(whole, block);
  }
  return whole;
}

/** Now, and not when the collector comes round: a buffer of its own that nobody reads any more. */
function letGo({ byteLength }: Buffer, buffer: ArrayBufferLike): void {
  if (byteLength >= LET_GO_MIN_BYTES && buffer instanceof ArrayBuffer) buffer.transfer(0);
}

function mediaType(contentType: string | null): string {
  return (contentType ?? "").split(";")[0]!.trim().toLowerCase();
}

/** -1 when there is nothing but white space. */
function firstByte(bytes: Buffer): number {
  const start = UTF8_MARK.every((byte, index) => bytes[index] === byte) ? UTF8_MARK.length : 0;
  for (let index = start; index < bytes.length; index++) {
    const byte = bytes[index]!;
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return byte;
  }
  return -1;
}

function htmlCharset(contentType: string | null, bytes: Buffer): string {
  const told = /;\s*charset\s*=\s*"?([\w.:-]+)/i.exec(contentType ?? "")?.[1];
  if (told !== undefined) return told;
  const head = bytes.toString("latin1", 0, CHARSET_PRESCAN_BYTES);
  return /<meta\s[^>]*?charset\s*=\s*["']?\s*([\w.:-]+)/i.exec(head)?.[1] ?? "utf-8";
}

function decodeText(bytes: Buffer, charset: string): string {
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    // A charset that nobody knows; all that a simple page needs is ASCII anyway.
    return new TextDecoder().decode(bytes);
  }
}

/** Of another's text, in a message that ends up on terminals. */
function printable(text: string): string {
  return JSON.stringify(text.slice(0, SHOWN_TYPE_LENGTH).replace(/[^\x20-\x7e]/g, "?"));
}

function malformed(body: ContentBody, reason: string): { readonly ok: false; readonly failure: UpstreamFailure } {
  return fail({ code: "UPSTREAM_MALFORMED", url: body.url, reason });
}
