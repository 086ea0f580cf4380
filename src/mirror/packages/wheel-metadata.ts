/**
 * Wheel metadata: the Requires-Python that a wheel in the folder of packages
 * tells, and whether the file is whole: a zip archive's directory comes last
 * (PKWARE APPNOTE 4.3), so a part of one has none. Reads the directory and
 * one member, never the whole file; every length in it is a claim that is
 * checked against the file. Archives above 4 GiB (zip64) are left unread.
 * Synchronous: for a thread that has nothing else to do.
 */
import { readSync } from "node:fs";
import { inflateRawSync } from "node:zlib";
import { fail, ok, type Result } from "../../base/result.ts";
import { KIB, MIB } from "../../base/units.ts";

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const COMMENT_MAX_BYTES = 64 * KIB;
const ENTRY_SIGNATURE = 0x02014b50;
const ENTRY_BYTES = 46;
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
const ZIP64 = 0xffffffff;
const STORED = 0;
const DEFLATED = 8;
const ENCRYPTED = 1;

const DIRECTORY_MAX_BYTES = 16 * MIB;
/** Unpacked as well: the description of a project is part of it. */
const METADATA_MAX_BYTES = 4 * MIB;
const VALUE_MAX = 500;

interface Member {
  readonly method: number;
  readonly packedBytes: number;
  readonly localOffset: number;
}

/** Null where the archive tells none that can be read; a failure, a phrase after the file's name, where it is no whole archive. */
export function readRequiresPython(fd: number, sizeBytes: number): Result<string | null, string> {
  const directory = readDirectory(fd, sizeBytes);
  if (!directory.ok) return directory;
  if (directory.value === null) return ok(null);
  const member = findMetadata(directory.value);
  const metadata = member === null ? null : readMember(fd, sizeBytes, member);
  return ok(metadata === null ? null : requiresPython(metadata));
}

/** The central directory; null where it is too large to be read. */
function readDirectory(fd: number, sizeBytes: number): Result<Buffer | null, string> {
  const tailBytes = Math.min(sizeBytes, COMMENT_MAX_BYTES + END_BYTES);
  const tail = readAt(fd, sizeBytes - tailBytes, tailBytes);
  const incomplete = fail("its end is missing: it is not complete yet, or no wheel");
  if (tail === null) return incomplete;
  for (let place = tail.length - END_BYTES; place >= 0; place--) {
    if (tail.readUInt32LE(place) !== END_SIGNATURE || place + END_BYTES + tail.readUInt16LE(place + 20) !== tail.length) continue;
    const [directoryBytes, offset] = [tail.readUInt32LE(place + 12), tail.readUInt32LE(place + 16)];
    if (offset === ZIP64 || directoryBytes === ZIP64) return ok(null);
    if (offset + directoryBytes > sizeBytes - tailBytes + place) return fail("its directory lies outside of it: it is damaged");
    return ok(directoryBytes > DIRECTORY_MAX_BYTES ? null : readAt(fd, offset, directoryBytes));
  }
  return incomplete;
}

/** The METADATA of the only folder that has one: two would leave open which counts. */
function findMetadata(directory: Buffer): Member | null {
  let found: Member | null = null;
  let at = 0;
  while (at + ENTRY_BYTES <= directory.length && directory.readUInt32LE(at) === ENTRY_SIGNATURE) {
    const nameEnd = at + ENTRY_BYTES + directory.readUInt16LE(at + 28);
    const name = directory.toString("utf8", at + ENTRY_BYTES, Math.min(nameEnd, directory.length));
    if (/^[^/]+\.dist-info\/METADATA$/.test(name)) {
      const isPlain = (directory.readUInt16LE(at + 8) & ENCRYPTED) === 0;
      if (found !== null || !isPlain) return null;
      found = {
        method: directory.readUInt16LE(at + 10),
        packedBytes: directory.readUInt32LE(at + 20),
        localOffset: directory.readUInt32LE(at + 42),
      };
    }
    at = nameEnd + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return found;
}

function readMember(fd: number, sizeBytes: number, { method, packedBytes, localOffset }: Member): string | null {
  if (packedBytes > METADATA_MAX_BYTES || localOffset + LOCAL_BYTES > sizeBytes) return null;
  const local = readAt(fd, localOffset, LOCAL_BYTES);
  if (local === null || local.readUInt32LE(0) !== LOCAL_SIGNATURE) return null;
  const packed = readAt(fd, localOffset + LOCAL_BYTES + local.readUInt16LE(26) + local.readUInt16LE(28), packedBytes);
  if (packed === null) return null;
  if (method === STORED) return packed.toString("utf8");
  if (method !== DEFLATED) return null;
  try {
    return inflateRawSync(packed, { maxOutputLength: METADATA_MAX_BYTES }).toString("utf8");
  } catch {
    return null;
  }
}

/** Of the headers alone: the description below them may hold anything. */
function requiresPython(metadata: string): string | null {
  for (const ended of metadata.split("\n")) {
    const line = ended.trimEnd();
    if (line === "") return null;
    const value = /^requires-python:(.*)$/i.exec(line)?.[1]?.trim();
    if (value !== undefined) return value !== "" && value.length <= VALUE_MAX && value.toUpperCase() !== "UNKNOWN" ? value : null;
  }
  return null;
}

/** Null when the file ends before. */
function readAt(fd: number, offset: number, sizeBytes: number): Buffer | null {
  const bytes = Buffer.alloc(sizeBytes);
  let length = 0;
  while (length < sizeBytes) {
    const count = readSync(fd, bytes, length, sizeBytes - length, offset + length);
    if (count === 0) return null;
    length += count;
  }
  return bytes;
}
