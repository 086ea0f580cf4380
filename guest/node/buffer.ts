/**
 * node:buffer: unenv's Buffer, completed with what it lacks (base64url) and
 * with the platform's own coders where those are faster. Changes the class in
 * place, so that every way to reach Buffer finds the same one.
 */
import * as unenv from "unenv/runtime/node/buffer/index";

declare const TextEncoder: typeof import("../encoding.ts").TextEncoder;
declare const TextDecoder: typeof import("../encoding.ts").TextDecoder;

interface BufferLike extends Uint8Array {
  toString(encoding?: string, start?: number, end?: number): string;
  write(text: string, ...rest: unknown[]): number;
}

interface BufferClass {
  prototype: BufferLike;
  from(value: unknown, encoding?: unknown, length?: unknown): BufferLike;
  byteLength(value: unknown, encoding?: string): number;
  isEncoding(encoding: unknown): boolean;
}

export const Buffer = unenv.Buffer as unknown as BufferClass;

const { from, byteLength, isEncoding } = Buffer;
const { toString: toText, write } = Buffer.prototype;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function isBase64Url(encoding: unknown): boolean {
  return typeof encoding === "string" && encoding.toLowerCase() === "base64url";
}

function isUtf8Name(encoding: unknown): boolean {
  return encoding === undefined || encoding === null || encoding === "utf8" || encoding === "utf-8";
}

function plain(text: string): string {
  return text.replaceAll("-", "+").replaceAll("_", "/");
}

Buffer.from = function (this: unknown, value: unknown, encoding?: unknown, length?: unknown): BufferLike {
  if (typeof value === "string") {
    if (isUtf8Name(encoding)) {
      const bytes = encoder.encode(value);
      return from.call(Buffer, bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    if (isBase64Url(encoding)) return from.call(Buffer, plain(value), "base64");
  }
  return from.call(Buffer, value, encoding, length);
};

Buffer.byteLength = (value: unknown, encoding?: string): number =>
  isBase64Url(encoding) && typeof value === "string"
    ? byteLength.call(Buffer, plain(value), "base64")
    : byteLength.call(Buffer, value, encoding);

Buffer.isEncoding = (encoding: unknown): boolean => isBase64Url(encoding) || isEncoding.call(Buffer, encoding);

Buffer.prototype.toString = function (this: BufferLike, encoding?: string, start = 0, end: number = this.length): string {
  if (isUtf8Name(encoding)) return decoder.decode(this.subarray(Math.max(0, start), Math.max(0, end)));
  if (!isBase64Url(encoding)) return toText.call(this, encoding, start, end);
  return toText.call(this, "base64", start, end).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
};

Buffer.prototype.write = function (this: BufferLike, text: string, ...rest: unknown[]): number {
  return isBase64Url(rest.at(-1)) ? write.call(this, plain(text), ...rest.slice(0, -1), "base64") : write.call(this, text, ...rest);
};

export const { INSPECT_MAX_BYTES, SlowBuffer, constants, kMaxLength, kStringMaxLength } = unenv;

declare const Blob: typeof import("../blob.ts").Blob;
declare const File: typeof import("../blob.ts").File;
declare const atob: typeof import("../base64.ts").atob;
declare const btoa: typeof import("../base64.ts").btoa;
const platform = { Blob, File, atob, btoa };
const { Blob: PlatformBlob, File: PlatformFile, atob: platformAtob, btoa: platformBtoa } = platform;

export { PlatformBlob as Blob, PlatformFile as File, platformAtob as atob, platformBtoa as btoa };

export function isUtf8(bytes: ArrayBuffer | ArrayBufferView): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

export function isAscii(bytes: ArrayBuffer | ArrayBufferView): boolean {
  const view = ArrayBuffer.isView(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength) : new Uint8Array(bytes);
  return view.every((byte) => byte < 0x80);
}

export default { Buffer, SlowBuffer, INSPECT_MAX_BYTES, constants, kMaxLength, kStringMaxLength, isAscii, isUtf8, ...platform };
