/**
 * System calls that Node does not offer, by node:ffi (Node 26, behind
 * --experimental-ffi): for the experiment of bench/sending.ts alone. Wrong
 * arguments here end the process or worse; nothing of it is in src/.
 */
import type { DynamicLibraryResult } from "node:ffi";

const SIGNATURES = {
  sendfile: { return: "int64", arguments: ["int32", "int32", "buffer", "uint64"] },
  splice: { return: "int64", arguments: ["int32", "pointer", "int32", "pointer", "uint64", "uint32"] },
  pipe2: { return: "int32", arguments: ["buffer", "int32"] },
  fcntl: { return: "int32", arguments: ["int32", "int32", "int64"] },
  preadv2: { return: "int64", arguments: ["int32", "buffer", "int32", "int64", "int32"] },
  mmap: { return: "pointer", arguments: ["pointer", "uint64", "int32", "int32", "int32", "int64"] },
} as const;

type Ffi = typeof import("node:ffi");
type Functions = DynamicLibraryResult<typeof SIGNATURES>["functions"];

const O_NONBLOCK = 0o4000;
const F_SETPIPE_SZ = 1031;
const RWF_NOWAIT = 8;
const PROT_READ = 1;
const MAP_SHARED = 1;
const MAP_POPULATE = 0x8000;
const SPLICE_F_MOVE_NONBLOCK_MORE = 1 | 2 | 4;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

function open(): { ffi: Ffi; libc: Functions } {
  const ffi = process.getBuiltinModule("node:ffi") as Ffi | undefined;
  if (ffi === undefined) throw new Error("This Node has no node:ffi: start it with --experimental-ffi");
  return { ffi, libc: ffi.dlopen(null, SIGNATURES).functions };
}

let opened: ReturnType<typeof open> | null = null;

function native(): ReturnType<typeof open> {
  opened ??= open();
  return opened;
}

const offsetCell = new BigInt64Array(1);

/** Bytes that the socket took; 0 when it would have to wait, and at any failure: whoever writes next learns of it. */
export function sendfile(socketFd: number, fileFd: number, offset: number, count: number): number {
  offsetCell[0] = BigInt(offset);
  const taken = Number(native().libc.sendfile(socketFd, fileFd, offsetCell as unknown as Buffer, BigInt(count)));
  return Math.max(0, taken);
}

export interface Pipe {
  readonly readFd: number;
  readonly writeFd: number;
  heldBytes: number;
}

export function openPipe(bytes: number): Pipe {
  const fds = new Int32Array(2);
  if (native().libc.pipe2(fds as unknown as Buffer, O_NONBLOCK) !== 0) throw new Error("pipe2 failed");
  native().libc.fcntl(fds[1]!, F_SETPIPE_SZ, BigInt(bytes));
  return { readFd: fds[0]!, writeFd: fds[1]!, heldBytes: 0 };
}

/** File to pipe, pipe to socket; what the socket did not take stays in the pipe. */
export function splice(pipe: Pipe, socketFd: number, fileFd: number, offset: number, count: number): { read: number; sent: number } {
  const { libc, ffi } = native();
  let read = 0;
  if (pipe.heldBytes === 0) {
    offsetCell[0] = BigInt(offset);
    const cell = ffi.getRawPointer(offsetCell);
    read = Math.max(0, Number(libc.splice(fileFd, cell, pipe.writeFd, 0n, BigInt(count), SPLICE_F_MOVE_NONBLOCK_MORE)));
    pipe.heldBytes = read;
  }
  const sent = Math.max(0, Number(libc.splice(pipe.readFd, 0n, socketFd, 0n, BigInt(pipe.heldBytes), SPLICE_F_MOVE_NONBLOCK_MORE)));
  pipe.heldBytes -= sent;
  return { read, sent };
}

/** A read that never waits for the disk: what the page cache holds from `offset`, 0 when it holds nothing of it. */
export function readCached(fileFd: number, vector: BigUint64Array, offset: number): number {
  return Math.max(0, Number(native().libc.preadv2(fileFd, vector as unknown as Buffer, 1, BigInt(offset), RWF_NOWAIT)));
}

const oneByte = Buffer.allocUnsafeSlow(1);
let oneByteVector: BigUint64Array | null = null;

/** Whether the page with that byte is in memory: of a window its last, because files are read ahead in order. */
export function isCached(fileFd: number, position: number): boolean {
  oneByteVector ??= vectorOf(oneByte);
  return readCached(fileFd, oneByteVector, position) === 1;
}

/** The iovec of a buffer that will not move. */
export function vectorOf(buffer: Buffer): BigUint64Array {
  return BigUint64Array.of(native().ffi.getRawPointer(buffer), BigInt(buffer.length));
}

/** A whole file as memory: truncated by somebody, reading it ends the process (SIGBUS). */
export function mapFile(fileFd: number, size: number): Buffer {
  const { libc, ffi } = native();
  const address = libc.mmap(0n, BigInt(size), PROT_READ, MAP_SHARED | MAP_POPULATE, fileFd, 0n);
  if (address === MAP_FAILED) throw new Error("mmap failed");
  return Buffer.from(ffi.toArrayBuffer(address, size, false));
}
