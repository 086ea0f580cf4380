/**
 * The heap snapshot of the guest prelude: made once per prelude and V8
 * version, kept in a file, read by every worker. A sandbox that opens from it
 * has its web APIs without running a line.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import ivm from "isolated-vm";

const CHECKSUM_BYTES = 4;

/** The snapshot in `file`; makes and keeps it there when it is missing. */
export async function loadSnapshot(file: string, preludeCode: () => Promise<string>): Promise<ivm.ExternalCopy<ArrayBuffer>> {
  const stored = readStored(file);
  if (stored !== null) return stored;
  const bytes = makeSnapshot(await preludeCode());
  keep(file, bytes);
  return new ivm.ExternalCopy(bytes);
}

/** File name part that changes whenever V8 would refuse a snapshot made earlier. */
export function snapshotFileName(preludeHash: string): string {
  return `${preludeHash.slice(0, 16)}-${process.versions.v8}-${process.arch}.snapshot`;
}

function makeSnapshot(code: string): ArrayBuffer {
  return ivm.Isolate.createSnapshot([{ code, filename: "pilotlight-guest" }]).copy() as ArrayBuffer;
}

function readStored(file: string): ivm.ExternalCopy<ArrayBuffer> | null {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    return null;
  }
  // V8 aborts the process on a damaged snapshot, and would do so at every
  // start: ours is checked before V8 sees it.
  const body = bytes.subarray(0, -CHECKSUM_BYTES);
  if (body.length === 0 || bytes.readUInt32LE(body.length) !== crc32(body)) return null;
  return new ivm.ExternalCopy(body.buffer.slice(body.byteOffset, body.byteOffset + body.byteLength) as ArrayBuffer);
}

/** Without a place to keep it the next worker makes its own: slower, not wrong. */
function keep(file: string, bytes: ArrayBuffer): void {
  const temporary = `${file}.${process.pid}`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    const checksum = Buffer.alloc(CHECKSUM_BYTES);
    checksum.writeUInt32LE(crc32(new Uint8Array(bytes)));
    writeFileSync(temporary, Buffer.concat([new Uint8Array(bytes), checksum]), { flush: true });
    renameSync(temporary, file);
  } catch {
    return;
  }
}
