/**
 * Heap snapshots of guest scripts: each made once per script and V8 version,
 * kept in a file, read by every worker. A sandbox that opens from one has what
 * the script made without running a line.
 */
import { dirname } from "node:path";
import ivm from "isolated-vm";
import { builtin } from "../../base/builtin.ts";

const CHECKSUM_BYTES = 4;

/**
 * "compiled": with the bytecode of every function, for a script most of which
 * every sandbox runs (the shim: 1 ms of a first call, for 80 KiB). "lazy":
 * functions are compiled when they are called, for one that is mostly unused.
 */
export type SnapshotForm = "lazy" | "compiled";

/** The snapshot in `file`; makes and keeps it there when it is missing. */
export async function loadSnapshot(
  file: string,
  scriptCode: () => Promise<string>,
  form: SnapshotForm = "lazy",
): Promise<ivm.ExternalCopy<ArrayBuffer>> {
  const stored = readStored(file);
  if (stored !== null) return stored;
  const code = await scriptCode();
  const bytes = form === "lazy" ? makeSnapshot(code) : compilingAtOnce(() => makeSnapshot(code));
  keep(file, bytes);
  return new ivm.ExternalCopy(bytes);
}

function makeSnapshot(code: string): ArrayBuffer {
  return ivm.Isolate.createSnapshot([{ code, filename: "pilotlight-guest" }]).copy() as ArrayBuffer;
}

/** isolated-vm passes V8 no options for compiling; its flags are the whole process's, and what they were again before anything else runs. */
function compilingAtOnce(make: () => ArrayBuffer): ArrayBuffer {
  const { setFlagsFromString } = builtin.v8;
  setFlagsFromString("--no-lazy");
  try {
    return make();
  } finally {
    setFlagsFromString("--lazy");
  }
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
