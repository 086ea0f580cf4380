/**
 * CRC-32 (IEEE, as of zlib and PNG) of a range of bytes, as a signed number: the
 * way it lies in an Int32Array. By Node's zlib: 0.06 us and 0.3 us a KiB.
 * Rivals: zlib's crc32 by node:ffi takes longer to call (0.43 to 0.6 us for 1 KiB);
 * WebAssembly has no carry-less multiplication and would have to be given a copy.
 */
import { builtin } from "../../../base/builtin.ts";

let sum: typeof import("node:zlib").crc32 | null = null;

export function crc32(bytes: Buffer, from: number, to: number): number {
  sum ??= builtin.zlib.crc32;
  return sum(bytes.subarray(from, to)) | 0;
}
