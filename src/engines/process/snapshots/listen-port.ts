/**
 * Listen port: gives the sockets of a CRIU image that listen on one port
 * another port, so that several processes of one image can serve HTTP side by
 * side; CRIU itself restores the port that was dumped. Pure: bytes of files.img
 * in, bytes out. Its format: two magic words, then entries, each behind a u32 with
 * its length, in protocol buffers (CRIU's images/fdinfo.proto, sk-inet.proto).
 * Knows the three fields that it needs and copies everything else as it is.
 */
import { fail, ok, type Result } from "../../../base/result.ts";

export interface PortChange {
  readonly from: number;
  readonly to: number;
}

export interface ChangedImage {
  readonly bytes: Buffer;
  /** Sockets that listen on the port. */
  readonly count: number;
}

const IMG_COMMON_MAGIC = 0x54564319;
const FILES_MAGIC = 0x56303138;
const MAGIC_BYTES = 8;
const LENGTH_BYTES = 4;
/** Of file_entry. */
const INET_SOCKET_FIELD = 4;
/** Of inet_sk_entry. */
const STATE_FIELD = 6;
const SOURCE_PORT_FIELD = 7;
const TCP_LISTEN = 10;
const VARINT = 0;
const FIXED_64 = 1;
const BYTES = 2;
const FIXED_32 = 5;

interface Field {
  readonly number: number;
  readonly start: number;
  readonly end: number;
  /** Of a number; 0 of others. */
  readonly value: number;
  /** Of what has a length: where it begins. */
  readonly contentStart: number;
}

/** The fault is a phrase. */
export function withListenPort(image: Buffer, change: PortChange): Result<ChangedImage, string> {
  if (image.length < MAGIC_BYTES || image.readUInt32LE(0) !== IMG_COMMON_MAGIC || image.readUInt32LE(4) !== FILES_MAGIC)
    return fail("files.img does not begin as an image of CRIU does");
  const parts: Buffer[] = [image.subarray(0, MAGIC_BYTES)];
  let count = 0;
  try {
    for (let at = MAGIC_BYTES; at < image.length; ) {
      const start = at + LENGTH_BYTES;
      const end = start + image.readUInt32LE(at);
      if (end > image.length) throw new RangeError("it is cut short");
      const entry = image.subarray(start, end);
      const changed = changedFile(entry, change);
      if (changed !== null) count++;
      parts.push(lengthOf(changed ?? entry), changed ?? entry);
      at = end;
    }
  } catch (error) {
    return fail(`files.img can't be read: ${(error as Error).message}`);
  }
  return ok({ bytes: Buffer.concat(parts), count });
}

/** Null for what is no socket that listens on the port. */
function changedFile(entry: Buffer, change: PortChange): Buffer | null {
  const field = fieldsOf(entry).find(({ number }) => number === INET_SOCKET_FIELD);
  if (field === undefined) return null;
  const socket = changedSocket(entry.subarray(field.contentStart, field.end), change);
  if (socket === null) return null;
  const head = Buffer.concat([varint((INET_SOCKET_FIELD << 3) | BYTES), varint(socket.length)]);
  return Buffer.concat([entry.subarray(0, field.start), head, socket, entry.subarray(field.end)]);
}

function changedSocket(socket: Buffer, { from, to }: PortChange): Buffer | null {
  const fields = fieldsOf(socket);
  const port = fields.find(({ number }) => number === SOURCE_PORT_FIELD);
  const state = fields.find(({ number }) => number === STATE_FIELD);
  if (port?.value !== from || state?.value !== TCP_LISTEN) return null;
  const changed = Buffer.concat([varint((SOURCE_PORT_FIELD << 3) | VARINT), varint(to)]);
  return Buffer.concat([socket.subarray(0, port.start), changed, socket.subarray(port.end)]);
}

/** Throws a RangeError for what is no message. */
function fieldsOf(message: Buffer): Field[] {
  const fields: Field[] = [];
  for (let at = 0; at < message.length; ) {
    const key = readVarint(message, at);
    const content = readVarintOr(message, key.end, key.value & 7);
    if (content.end > message.length) throw new RangeError("a field passes the end of its entry");
    fields.push({ number: Math.floor(key.value / 8), start: at, ...content });
    at = content.end;
  }
  return fields;
}

function readVarintOr(message: Buffer, at: number, type: number): Omit<Field, "number" | "start"> {
  if (type === VARINT) return { ...readVarint(message, at), contentStart: at };
  if (type === FIXED_64) return { value: 0, contentStart: at, end: at + 8 };
  if (type === FIXED_32) return { value: 0, contentStart: at, end: at + 4 };
  if (type !== BYTES) throw new RangeError(`a field of the unknown type ${type}`);
  const length = readVarint(message, at);
  return { value: 0, contentStart: length.end, end: length.end + length.value };
}

/** Up to 10 bytes of 7 bits; what passes 2^53 is inexact, and none of the numbers that are used here. */
function readVarint(message: Buffer, start: number): { value: number; end: number } {
  let value = 0;
  for (let at = start, weight = 1; at < start + 10; at++, weight *= 128) {
    const byte = message[at];
    if (byte === undefined) throw new RangeError("a number is cut short");
    value += (byte & 0x7f) * weight;
    if (byte < 0x80) return { value, end: at + 1 };
  }
  throw new RangeError("a number does not end");
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...bytes, rest]);
}

function lengthOf(entry: Buffer): Buffer {
  const bytes = Buffer.alloc(LENGTH_BYTES);
  bytes.writeUInt32LE(entry.length);
  return bytes;
}
