/**
 * Shared memory: bytes that another process maps too, by node:ffi. Made of a
 * sealed memfd: the other side has it open for writing, and a file that it could
 * cut short would end us with SIGBUS at the next look. A memfd also has no name
 * that could stay behind. Every page is there from the beginning, so that a full
 * machine is an error here and no SIGBUS later.
 * Where the kernel gives no memfd, a nameless file of a folder of memory stands
 * in, which the other side can cut: `unsealedBecause` says so.
 * Needs --allow-ffi under Node's permission model, and nothing else.
 */

import { type Libc, openLibc } from "../../../base/libc.ts";
import { fail, ok, type Result } from "../../../base/result.ts";

export interface SharedMemory {
  /** Path by which a process of the same user and PID namespace opens it; others have to inherit `fd` (/proc/self/fd/N). */
  readonly path: string;
  /** Closed on exec. */
  readonly fd: number;
  /** Why the other side could cut it short; null when it can't. */
  readonly unsealedBecause: string | null;
  /** Live, and never of another length, until `close`: then it and every view of it has length 0. */
  readonly memory: ArrayBuffer;
  /** Gives the memory back. Views of it may stay around; who reads them finds nothing. */
  close(): void;
}

export interface SharedMemoryOptions {
  readonly bytes: number;
  /** For /proc/PID/maps. */
  readonly label: string;
  /** Of the file that stands in for a memfd, on a tmpfs. */
  readonly folder?: string;
  /** False tries the file at once: for tests. */
  readonly isSealed?: boolean;
}

const SIGNATURES = {
  memfd_create: { return: "int32", arguments: ["buffer", "uint32"] },
  open: { return: "int32", arguments: ["buffer", "int32", "int32"] },
  close: { return: "int32", arguments: ["int32"] },
  fcntl: { return: "int32", arguments: ["int32", "int32", "int64"] },
  lseek: { return: "int64", arguments: ["int32", "int64", "int32"] },
  posix_fallocate: { return: "int32", arguments: ["int32", "int64", "int64"] },
  mmap: { return: "pointer", arguments: ["pointer", "uint64", "int32", "int32", "int32", "int64"] },
  munmap: { return: "int32", arguments: ["pointer", "uint64"] },
  __errno_location: { return: "pointer", arguments: [] },
} as const;

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
/** Since Linux 6.3; older kernels refuse what they don't know. */
const MFD_NOEXEC_SEAL = 8;
const F_ADD_SEALS = 1_033;
const F_SEAL_SEAL = 1;
const F_SEAL_SHRINK = 2;
const F_SEAL_GROW = 4;
const O_RDWR = 2;
const O_CLOEXEC = 0o2_000_000;
/** With O_DIRECTORY, as open(2) asks. The same number wherever Node runs on Linux, but O_DIRECTORY differs on arm64. */
const O_TMPFILE = 0o20_000_000 | (process.arch === "arm64" ? 0o40_000 : 0o200_000);
const OWNER_ONLY = 0o600;
const SEEK_END = 2;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;
/** All pages at once, instead of one fault each when a message first comes there. */
const MAP_POPULATE = 0x8000;
const MAP_FAILED = 2n ** 64n - 1n;
const FOLDER = "/dev/shm";

const HINT = "Call this function by frames or HTTP, which need no shared memory";

type Native = Libc<typeof SIGNATURES>;

let native: Native | null = null;

export function createSharedMemory({ bytes, label, folder = FOLDER, isSealed = true }: SharedMemoryOptions): Result<SharedMemory> {
  return withLibc((libc) => {
    const sealed = isSealed ? createSealed(libc, label) : fail("it was not asked for");
    if (sealed.ok) return filled(libc, sealed.value, bytes, null);
    const fd = libc.calls.open(text(folder), O_TMPFILE | O_RDWR | O_CLOEXEC, OWNER_ONLY);
    if (fd < 0) return failed(`no memfd (${sealed.failure}), and no file in ${folder}: ${errorName(libc)}`);
    return filled(libc, fd, bytes, `there is no memfd: ${sealed.failure}`);
  });
}

/** Memory that another process made. Its maker can still cut it short where it is not sealed: for the process that serves it. */
export function openSharedMemory(path: string): Result<SharedMemory> {
  return withLibc((libc) => {
    const fd = libc.calls.open(text(path), O_RDWR | O_CLOEXEC, 0);
    if (fd < 0) return failed(`${path}: ${errorName(libc)}`);
    const bytes = Number(libc.calls.lseek(fd, 0n, SEEK_END));
    if (bytes > 0) return mapped(libc, fd, bytes, null);
    libc.calls.close(fd);
    return failed(`${path} is empty`);
  });
}

function withLibc(use: (libc: Native) => Result<SharedMemory>): Result<SharedMemory> {
  if (process.platform !== "linux") return failed(`this is ${process.platform}, not Linux`);
  try {
    native ??= openLibc(SIGNATURES);
  } catch (error) {
    return failed((error as Error).message);
  }
  return use(native);
}

/** Sealed against growing and shrinking when it has its size; the seal of seals so that nobody adds one against writing. */
function createSealed(libc: Native, label: string): Result<number, string> {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  let fd = libc.calls.memfd_create(text(label), flags | MFD_NOEXEC_SEAL);
  if (fd < 0) fd = libc.calls.memfd_create(text(label), flags);
  return fd < 0 ? fail(errorName(libc)) : ok(fd);
}

function filled(libc: Native, fd: number, bytes: number, unsealedBecause: string | null): Result<SharedMemory> {
  const refuse = (why: string): Result<SharedMemory> => {
    libc.calls.close(fd);
    return failed(why);
  };
  const errno = libc.calls.posix_fallocate(fd, 0n, BigInt(bytes));
  if (errno !== 0) return refuse(`${bytes} bytes: ${nameOf(errno)}`);
  if (unsealedBecause === null && libc.calls.fcntl(fd, F_ADD_SEALS, BigInt(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) !== 0)
    return refuse(`it can't be sealed: ${errorName(libc)}`);
  return mapped(libc, fd, bytes, unsealedBecause);
}

function mapped(libc: Native, fd: number, bytes: number, unsealedBecause: string | null): Result<SharedMemory> {
  const address = libc.calls.mmap(0n, BigInt(bytes), PROT_READ_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0n);
  if (address !== MAP_FAILED) return ok(new Mapping(libc, { fd, bytes, address, unsealedBecause }));
  const why = `${bytes} bytes can't be mapped: ${errorName(libc)}`;
  libc.calls.close(fd);
  return failed(why);
}

/** Addresses of what was closed, given back once no view of it is left. */
const unmapping = new FinalizationRegistry<{ address: bigint; bytes: number }>(({ address, bytes }) => {
  native?.calls.munmap(address, BigInt(bytes));
});

class Mapping implements SharedMemory {
  readonly path: string;
  readonly fd: number;
  readonly unsealedBecause: string | null;
  readonly #libc: Native;
  readonly #address: bigint;
  readonly #bytes: number;
  #memory: ArrayBuffer;
  #isClosed = false;

  constructor(
    libc: Native,
    { fd, bytes, address, unsealedBecause }: { fd: number; bytes: number; address: bigint; unsealedBecause: string | null },
  ) {
    this.path = `/proc/${process.pid}/fd/${fd}`;
    this.fd = fd;
    this.unsealedBecause = unsealedBecause;
    this.#libc = libc;
    this.#address = address;
    this.#bytes = bytes;
    this.#memory = libc.ffi.toArrayBuffer(address, bytes, false);
  }

  get memory(): ArrayBuffer {
    return this.#memory;
  }

  /**
   * Detached first: no view finds the memory any more. What native code was given of it (a write that a socket has
   * not finished) still has the address: zeros of our own lie there from now on, until the last view is collected,
   * so that it is nobody else's memory.
   */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { calls } = this.#libc;
    unmapping.register(this.#memory, { address: this.#address, bytes: this.#bytes });
    this.#memory.transfer(0);
    const flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE;
    calls.mmap(this.#address, BigInt(this.#bytes), PROT_READ_WRITE, flags, -1, 0n);
    calls.close(this.fd);
  }
}

function failed(why: string): Result<SharedMemory> {
  return fail({ code: "NO_SHARED_MEMORY", message: `Cannot share memory with a process: ${why}`, hint: HINT });
}

/** NUL-terminated, as C wants it. */
function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

function errorName({ ffi, calls }: Native): string {
  return nameOf(ffi.getInt32(calls.__errno_location()));
}

function nameOf(errno: number): string {
  return process.getBuiltinModule("node:util").getSystemErrorName(-errno);
}
