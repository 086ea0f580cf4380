/**
 * Archives for generated packages: zip (APPNOTE 6.3, what wheels are) with
 * stored and deflated entries, and ustar within gzip (what sdists are).
 * The same entries give the same bytes: hashes of tests stay what they are.
 * A small reader for zips is here, too: METADATA of real wheels lies in them.
 */
import { crc32, deflateRawSync, gzipSync, inflateRawSync } from "node:zlib";

export interface Entry {
  /** With "/" between folders. */
  readonly path: string;
  readonly bytes: Uint8Array;
  /** For what doesn't shrink: kept as it is. */
  readonly stored?: boolean;
}

const LOCAL_SIGNATURE = 0x0403_4b50;
const CENTRAL_SIGNATURE = 0x0201_4b50;
const END_SIGNATURE = 0x0605_4b50;
const VERSION_NEEDED = 20;
const UTF8_NAMES = 0x0800;
/** 1980-01-01, the first day that zip knows. */
const DOS_DATE = 0x0021;
const REGULAR_FILE_MODE = 0o100644;

export function zip(entries: readonly Entry[]): Buffer {
  const parts: Uint8Array[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const name = Buffer.from(entry.path);
    const content = entry.stored === true ? entry.bytes : deflateRawSync(entry.bytes);
    const facts = Buffer.alloc(26);
    facts.writeUInt16LE(VERSION_NEEDED, 0);
    facts.writeUInt16LE(UTF8_NAMES, 2);
    facts.writeUInt16LE(entry.stored === true ? 0 : 8, 4);
    facts.writeUInt16LE(DOS_DATE, 8);
    facts.writeUInt32LE(crc32(entry.bytes), 10);
    facts.writeUInt32LE(content.length, 14);
    facts.writeUInt32LE(entry.bytes.length, 18);
    facts.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([uint32(LOCAL_SIGNATURE), facts, name]);
    const attributes = Buffer.alloc(14);
    attributes.writeUInt32LE((REGULAR_FILE_MODE << 16) >>> 0, 6);
    attributes.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([uint32(CENTRAL_SIGNATURE), Buffer.from([VERSION_NEEDED, 3]), facts, attributes, name]));
    parts.push(local, content);
    offset += local.length + content.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(END_SIGNATURE, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, central, end]);
}

/** Content of the first entry whose path `wanted` accepts; null when there is none. */
export function readZipEntry(archive: Buffer, wanted: (path: string) => boolean): Buffer | null {
  const end = archive.lastIndexOf(uint32(END_SIGNATURE));
  if (end === -1) return null;
  const count = archive.readUInt16LE(end + 10);
  let at = archive.readUInt32LE(end + 16);
  for (let index = 0; index < count; index++) {
    const [method, size] = [archive.readUInt16LE(at + 10), archive.readUInt32LE(at + 20)];
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => archive.readUInt16LE(at + field));
    const path = archive.toString("utf8", at + 46, at + 46 + nameLength!);
    if (wanted(path)) {
      const local = archive.readUInt32LE(at + 42);
      const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
      const content = archive.subarray(start, start + size);
      return method === 0 ? content : inflateRawSync(content);
    }
    at += 46 + nameLength! + extraLength! + commentLength!;
  }
  return null;
}

const TAR_BLOCK_BYTES = 512;

export function tarGzip(entries: readonly Entry[]): Buffer {
  const parts = entries.flatMap(({ path, bytes }) => [tarHeader(path, bytes.length), bytes, padding(bytes.length)]);
  return gzipSync(Buffer.concat([...parts, Buffer.alloc(TAR_BLOCK_BYTES * 2)]));
}

function tarHeader(path: string, size: number): Buffer {
  const header = Buffer.alloc(TAR_BLOCK_BYTES);
  header.write(path, 0, 100);
  header.write("0000644\0", 100);
  header.write("0000000\0", 108);
  header.write("0000000\0", 116);
  header.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  header.write("00000000000\0", 136);
  header.write(" ".repeat(8), 148);
  header.write("0", 156);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

function padding(size: number): Buffer {
  return Buffer.alloc((TAR_BLOCK_BYTES - (size % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
