/**
 * The heap snapshot of the guest prelude: made once per prelude and V8
 * version, kept in a file, read by every worker. A sandbox that opens from it
 * has its web APIs without running a line.
 */
import { dirname } from "node:path";
import ivm from "isolated-vm";
import { builtin } from "../../base/builtin.ts";

const CHECKSUM_BYTES = 4;

/** The snapshot in `file`; makes and keeps it there when it is missing. */
export async function loadSnapshot(file: string, preludeCode: () => Promise<string>): Promise<ivm.ExternalCopy<ArrayBuffer>> {
  const stored = readStored(file);
  if (stored !== null) return stored;
  const bytes = makeSnapshot(await preludeCode());
  keep(file, bytes);
  return new ivm.ExternalCopy(bytes);
}

function makeSnapshot(code: string): ArrayBuffer {
  return ivm.Isolate.createSnapshot([{ code, filename: "pilotlight-guest" }]).copy() as ArrayBuffer;
}

function readStored(file: string): ivm.ExternalCopy<ArrayBuffer> | null {
  let bytes: Buffer;
  try {
    bytes = builtin.fs.readFileSync(file);
  } catch {
    return null;
  }
  // V8 aborts the process on a damaged snapshot, and would do so at every
  // start: ours is checked before V8 sees it.
  const body = bytes.subarray(0, -CHECKSUM_BYTES);
  if (body.length === 0 || bytes.readUInt32LE(body.length) !== checksum(body)) return null;
  return new ivm.ExternalCopy(body.buffer.slice(body.byteOffset, body.byteOffset + body.byteLength) as ArrayBuffer);
}

/**
 * Without a place to keep it the next worker makes its own: slower, not wrong.
 * Not flushed to the disk, as Node's permission model refuses fsync to workers:
 * the checksum finds what a power cut tore.
 */
function keep(file: string, bytes: ArrayBuffer): void {
  const temporary = `${file}.${process.pid}`;
  try {
    builtin.fs.mkdirSync(dirname(file), { recursive: true });
    const trailer = Buffer.alloc(CHECKSUM_BYTES);
    trailer.writeUInt32LE(checksum(new Uint8Array(bytes)));
    builtin.fs.writeFileSync(temporary, Buffer.concat([new Uint8Array(bytes), trailer]));
    builtin.fs.renameSync(temporary, file);
  } catch {
    builtin.fs.rmSync(temporary, { force: true });
  }
}

/** FNV-1a over 32-bit words: finds torn and rotten files; node:zlib's crc32 would cost a worker more to load than to run. */
function checksum(bytes: Uint8Array): number {
  const wordCount = bytes.byteLength >> 2;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let hash = 0x811c9dc5;
  for (let at = 0; at < wordCount; at++) hash = Math.imul(hash ^ view.getUint32(at * 4, true), 0x01000193);
  for (let at = wordCount * 4; at < bytes.byteLength; at++) hash = Math.imul(hash ^ view.getUint8(at), 0x01000193);
  return hash >>> 0;
}
