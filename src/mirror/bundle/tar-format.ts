/**
 * The part of tar (POSIX ustar) that a bundle is made of: plain files with
 * short names, so that `tar -tf` lists a bundle. Whatever else tar knows
 * (links, devices, long names, sparse files) is refused on reading: nothing of
 * a bundle is ever unpacked by a name that it brings along. Pure.
 */
import { assert } from "../../base/assert.ts";
import { fail, ok, type Result } from "../../base/result.ts";

export const BLOCK_BYTES = 512;
/** Eleven octal digits. */
export const MEMBER_MAX_BYTES = 8 ** 11 - 1;

const NAME_BYTES = 100;
const CHECKSUM_AT = 148;
const CHECKSUM_BYTES = 8;
const TYPE_AT = 156;
const MAGIC_AT = 257;
const DEVICE_AT = 329;
const PREFIX_AT = 345;
const PREFIX_BYTES = 155;
const MAGIC = "ustar\x0000";
const PLAIN_FILE = "0";

export interface TarMember {
  readonly name: string;
  readonly sizeBytes: number;
}

/** Every header with the same owner, rights and time: a bundle of the same things is the same bytes. */
export function tarHeader({ name, sizeBytes }: TarMember): Buffer {
  assert(/^[\x21-\x7e]{1,100}$/.test(name), `a tar member can't be named ${name}`);
  assert(sizeBytes <= MEMBER_MAX_BYTES, `a tar member can't have ${sizeBytes} bytes`);
  const header = Buffer.alloc(BLOCK_BYTES);
  header.write(name, 0, "latin1");
  header.write("0000644\x000000000\x000000000\x00", 100, "latin1");
  header.write(`${sizeBytes.toString(8).padStart(11, "0")}\x00${"0".repeat(11)}\x00`, 124, "latin1");
  header.write(PLAIN_FILE, TYPE_AT, "latin1");
  header.write(MAGIC, MAGIC_AT, "latin1");
  header.write("0000000\x000000000\x00", DEVICE_AT, "latin1");
  header.write(`${checksumOf(header).toString(8).padStart(6, "0")}\x00 `, CHECKSUM_AT, "latin1");
  return header;
}

/** Null for a block of zeros, which ends an archive. The fault is a phrase. */
export function parseTarHeader(header: Uint8Array): Result<TarMember | null, string> {
  assert(header.length === BLOCK_BYTES, "a tar header has 512 bytes");
  if (header.every((byte) => byte === 0)) return ok(null);
  const text = Buffer.from(header).toString("latin1");
  if (text.slice(MAGIC_AT, MAGIC_AT + MAGIC.length) !== MAGIC) return fail("it is no tar archive as bundles are");
  const checksum = octal(text.slice(CHECKSUM_AT, CHECKSUM_AT + CHECKSUM_BYTES));
  if (checksum !== checksumOf(header)) return fail("the checksum of a tar header is wrong");
  const name = text.slice(0, NAME_BYTES).split("\0", 1)[0]!;
  if (text[TYPE_AT] !== PLAIN_FILE || text.slice(PREFIX_AT, PREFIX_AT + PREFIX_BYTES).replaceAll("\0", "") !== "") {
    return fail("a member is no plain file with a short name");
  }
  const sizeBytes = octal(text.slice(124, 136));
  if (sizeBytes === null) return fail("the size of a member can't be read");
  return ok({ name, sizeBytes });
}

/** Zeros that fill the last block of a member. */
export function paddingBytes(sizeBytes: number): number {
  return (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
}

/** Of all bytes, those of the checksum itself taken for blanks. */
function checksumOf(header: Uint8Array): number {
  let sum = 0;
  for (const [at, byte] of header.entries()) sum += at >= CHECKSUM_AT && at < CHECKSUM_AT + CHECKSUM_BYTES ? 0x20 : byte;
  return sum;
}

/** Digits up to the first NUL or blank; GNU's binary numbers are none. */
function octal(field: string): number | null {
  const digits = /^ *([0-7]{1,11})[\0 ]*$/.exec(field)?.[1];
  return digits === undefined ? null : Number.parseInt(digits, 8);
}
