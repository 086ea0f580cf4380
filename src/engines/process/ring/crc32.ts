/**
 * CRC-32 (IEEE, as of zlib and PNG) of a range of bytes, as a signed number: the
 * way it lies in an Int32Array.
 */
import { builtin } from "../../../base/builtin.ts";

export function crc32(bytes: Buffer, from: number, to: number): number {
  return builtin.zlib.crc32(bytes.subarray(from, to)) | 0;
}
