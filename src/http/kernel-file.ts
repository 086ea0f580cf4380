/**
 * Kernel file: bytes of an open file to a plain socket without a way through
 * our memory (sendfile(2)), by Node's own FFI. Half the CPU per byte of reading
 * into a buffer and writing that, or less (docs/decisions/0018-sending-files.md,
 * `node bench/sending.ts`). Both calls are synchronous and wait for nothing
 * but memory: whoever calls asks `isCached` first.
 * Null where it can't be had: other systems, a Node without node:ffi or one that
 * was started with --no-experimental-ffi, a process whose permissions deny it.
 */
import type { DynamicLibraryResult } from "node:ffi";
import { openLibc } from "../base/libc.ts";

export interface KernelFile {
  /**
   * Bytes that the socket took. 0 when it would have to wait, and at any
   * failure: an ordinary read or write meets that again, and tells its name.
   */
  send(socketFd: number, fileFd: number, position: number, count: number): number;
  /** Whether that byte can be had without asking a disk; false also where nobody knows. */
  isCached(fileFd: number, position: number): boolean;
}

const SIGNATURES = {
  sendfile: { return: "int64", arguments: ["int32", "int32", "buffer", "uint64"] },
  preadv2: { return: "int64", arguments: ["int32", "buffer", "int32", "int64", "int32"] },
} as const;
/** Of preadv2(2): give what is in memory, or nothing. */
const RWF_NOWAIT = 8;

type Calls = DynamicLibraryResult<typeof SIGNATURES>["functions"];

let opened: KernelFile | null | undefined;

/** Opened when first asked for: 10 ms that no start has to wait for. */
export function kernelFile(): KernelFile | null {
  if (opened === undefined) opened = process.platform === "linux" ? open() : null;
  return opened;
}

function open(): KernelFile | null {
  try {
    const { ffi, calls } = openLibc(SIGNATURES);
    const target = Buffer.allocUnsafeSlow(1);
    return new LinuxFile(calls, target, ffi.getRawPointer(target));
  } catch {
    return null;
  }
}

/** What the calls are given lies in memory that all of them share: none outlives its turn. */
class LinuxFile implements KernelFile {
  readonly #calls: Calls;
  readonly #offset = new BigInt64Array(1);
  readonly #offsetBytes = Buffer.from(this.#offset.buffer);
  /** One struct iovec: address and length. */
  readonly #vectorBytes: Buffer;
  /** Where the vector points to: it has to live as long. */
  readonly target: Buffer;

  constructor(calls: Calls, target: Buffer, address: bigint) {
    this.#calls = calls;
    this.target = target;
    this.#vectorBytes = Buffer.from(BigUint64Array.of(address, BigInt(target.length)).buffer);
  }

  send(socketFd: number, fileFd: number, position: number, count: number): number {
    this.#offset[0] = BigInt(position);
    return Math.max(0, Number(this.#calls.sendfile(socketFd, fileFd, this.#offsetBytes, BigInt(count))));
  }

  isCached(fileFd: number, position: number): boolean {
    return Number(this.#calls.preadv2(fileFd, this.#vectorBytes, 1, BigInt(position), RWF_NOWAIT)) === 1;
  }
}
