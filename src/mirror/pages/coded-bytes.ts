/**
 * Coded bytes: a rendered text under a content coding, with its entity tag.
 * Done once for each change of a page, on a thread, and served thousands of
 * times: but somebody waits for the first.
 */
import type { BrotliOptions } from "node:zlib";
import { builtin } from "../../base/builtin.ts";
import type { PageCoding } from "./pages.ts";

export interface CodedBytes {
  /** In a buffer of its own, so that it can be handed to another thread. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of these very bytes, without quotes: a strong tag must not outlive a change of the encoder. */
  readonly tag: string;
}

export interface CodingLevels {
  readonly gzip: number;
  readonly br: number;
  readonly zstd: number;
}

/**
 * A page is mostly digests, which nothing makes shorter, so more effort gains little. 1.41 MB of JSON, 3,000 files, CPU ms and KB:
 * gzip 6: 16, 300; 9: 27, 291. br 4: 13, 263; 5: 20, 278; 9: 72, 277; 11: 1,930, 236. zstd 1: 2, 266; 6: 10, 282; 19: 585, 245.
 */
export const PAGE_LEVELS: CodingLevels = { gzip: 9, br: 4, zstd: 1 };
/** The list is names. 15.6 MB of JSON: gzip 6: 215, 2763; 9: 1,234, 2661. br 4: 370, 2752; 5: 261, 2523. zstd 3: 60, 2918; 6: 160, 2591. */
export const LIST_LEVELS: CodingLevels = { gzip: 6, br: 5, zstd: 6 };

const TAG_LENGTH = 27;

/** Bytes are those of the text in UTF-8. */
export function codeText(text: string | Uint8Array, coding: PageCoding, levels: CodingLevels): CodedBytes {
  const plain = typeof text === "string" ? Buffer.from(text) : Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  const bytes = compress(plain, coding, levels);
  return { bytes, tag: tagOf(bytes) };
}

export function tagOf(bytes: Uint8Array): string {
  return builtin.crypto.createHash("sha256").update(bytes).digest("base64url").slice(0, TAG_LENGTH);
}

function compress(plain: Buffer, coding: PageCoding, levels: CodingLevels): Uint8Array<ArrayBuffer> {
  switch (coding) {
    case "identity":
      return owned(plain);
    case "gzip":
      return owned(builtin.zlib.gzipSync(plain, { level: levels.gzip }));
    case "br":
      return owned(builtin.zlib.brotliCompressSync(plain, brotliOptions(plain.length, levels.br)));
    case "zstd":
      return owned(builtin.zlib.zstdCompressSync(plain, { params: { [builtin.zlib.constants.ZSTD_c_compressionLevel]: levels.zstd } }));
  }
}

function brotliOptions(sizeBytes: number, quality: number): BrotliOptions {
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_MODE, BROTLI_PARAM_SIZE_HINT, BROTLI_MODE_TEXT } = builtin.zlib.constants;
  return {
    params: { [BROTLI_PARAM_QUALITY]: quality, [BROTLI_PARAM_MODE]: BROTLI_MODE_TEXT, [BROTLI_PARAM_SIZE_HINT]: sizeBytes },
  };
}

/** Small buffers lie in Node's pool, which can't be handed over. */
function owned(buffer: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer: whole, byteOffset, byteLength } = buffer;
  if (whole instanceof ArrayBuffer && byteOffset === 0 && byteLength === whole.byteLength) return new Uint8Array(whole);
  return new Uint8Array(buffer);
}
