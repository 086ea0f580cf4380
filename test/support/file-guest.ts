/**
 * A guest process in plain Node, for tests of its files: memory, descriptors
 * and every import, with a channel that ends at HostFiles. No isolate, no
 * module: a test calls the imports as a guest's code would.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { ERRNO, LOOKUPFLAGS } from "../../guest/wasi/abi.ts";
import { BLOCK_BYTES, channelOn, type HostCall } from "../../guest/wasi/channel.ts";
import { FdTable } from "../../guest/wasi/fd-table.ts";
import { preopenedFolders } from "../../guest/wasi/files.ts";
import type { GuestFunction } from "../../guest/wasi/guarded.ts";
import { GuestProcess } from "../../guest/wasi/guest-process.ts";
import { wasiImports } from "../../guest/wasi/imports.ts";
import { BufferedInput, BufferedOutput } from "../../guest/wasi/streams.ts";
import type { Memory } from "../../guest/wasi/webassembly.ts";
import type { SharedFolder } from "../../src/engines/engine.ts";
import type { FolderAccess } from "../../src/engines/wasm/files/folder-access.ts";
import { HostFiles } from "../../src/engines/wasm/files/host-files.ts";

export const ALL_RIGHTS = (1n << 30n) - 1n;
export const MEMORY_BYTES = 8 * 65_536;
/** Where the helpers put paths and results; content lies behind. */
const PATH_AT = 1_024;
const SECOND_PATH_AT = 16_384;
const RESULT_AT = 64;
const IOVEC_AT = 128;
export const CONTENT_AT = 65_536;

export interface OpenHow {
  readonly fd?: number;
  readonly follows?: boolean;
  readonly oflags?: number;
  readonly rights?: bigint;
  readonly inheriting?: bigint;
  readonly fdflags?: number;
}

export type PathLike = string | Buffer;

export class FileGuest {
  readonly guest: GuestProcess;
  readonly hostFiles: HostFiles;
  readonly imports: Record<string, GuestFunction>;
  /** Operations that went to the host. */
  hostCallCount = 0;

  constructor(folders: readonly SharedFolder[], { openMaxCount = 64, access }: { openMaxCount?: number; access?: FolderAccess } = {}) {
    const call: HostCall = (...args) => {
      this.hostCallCount++;
      return this.hostFiles.serve(...args);
    };
    const channel = channelOn(new SharedArrayBuffer(BLOCK_BYTES), call);
    this.hostFiles = new HostFiles({ folders, openMaxCount, window: channel.window, ...(access === undefined ? {} : { access }) });
    this.guest = new GuestProcess({
      channel,
      descriptors: new FdTable([0, 0, 0], () => preopenedFolders(channel)),
      stdin: new BufferedInput(),
      stdout: new BufferedOutput(1024, "drop"),
      stderr: new BufferedOutput(1024, "drop"),
      environIsRequest: false,
      block: null,
      requests: null,
    });
    this.guest.memory.attach({ buffer: new ArrayBuffer(MEMORY_BYTES), grow: () => 0 } satisfies Memory);
    this.imports = wasiImports(this.guest);
  }

  call(name: string, ...args: (number | bigint)[]): number {
    const result = (this.imports[name] as (...args: (number | bigint)[]) => number)(...args);
    if (typeof result !== "number") throw new Error(`${name} did not return a number`);
    return result;
  }

  get view(): DataView {
    return this.guest.memory.view;
  }

  /** Pointer and length of a path that now lies in the guest's memory. */
  path(path: PathLike, at = PATH_AT): [number, number] {
    const bytes = Buffer.from(path as string);
    this.guest.memory.bytes.set(bytes, at);
    return [at, bytes.length];
  }

  secondPath(path: PathLike): [number, number] {
    return this.path(path, SECOND_PATH_AT);
  }

  /** The descriptor, or minus the error code. */
  open(
    path: PathLike,
    { fd = 3, follows = false, oflags = 0, rights = READING, inheriting = ALL_RIGHTS, fdflags = 0 }: OpenHow = {},
  ): number {
    const lookup = follows ? LOOKUPFLAGS.symlinkFollow : 0;
    const errno = this.call("path_open", fd, lookup, ...this.path(path), oflags, rights, inheriting, fdflags, RESULT_AT);
    return errno === ERRNO.success ? this.view.getUint32(RESULT_AT, true) : -errno;
  }

  /** The bytes, or the error code. */
  read(fd: number, length: number): Buffer | number {
    this.iovecs([[CONTENT_AT, length]]);
    const errno = this.call("fd_read", fd, IOVEC_AT, 1, RESULT_AT);
    return errno === ERRNO.success ? this.content(this.view.getUint32(RESULT_AT, true)) : errno;
  }

  /** How many bytes, or minus the error code. */
  write(fd: number, content: PathLike): number {
    const bytes = Buffer.from(content as string);
    this.guest.memory.bytes.set(bytes, CONTENT_AT);
    this.iovecs([[CONTENT_AT, bytes.length]]);
    const errno = this.call("fd_write", fd, IOVEC_AT, 1, RESULT_AT);
    return errno === ERRNO.success ? this.view.getUint32(RESULT_AT, true) : -errno;
  }

  iovecs(ranges: readonly (readonly [pointer: number, length: number])[]): [number, number] {
    for (const [index, [pointer, length]] of ranges.entries()) {
      this.view.setUint32(IOVEC_AT + 8 * index, pointer, true);
      this.view.setUint32(IOVEC_AT + 8 * index + 4, length, true);
    }
    return [IOVEC_AT, ranges.length];
  }

  content(length: number): Buffer {
    return Buffer.from(this.guest.memory.slice(CONTENT_AT, length));
  }

  /** What the last call left as its 32-bit result. */
  get result(): number {
    return this.view.getUint32(RESULT_AT, true);
  }

  get resultAt(): number {
    return RESULT_AT;
  }
}

const READING = ALL_RIGHTS & ~(1n << 6n);

export interface Scene {
  readonly root: string;
  /** Shared with the guest as `/`, writable. */
  readonly inside: string;
  /** Never shared. */
  readonly outside: string;
  /** Closed when the test ends. */
  guest(options?: { openMaxCount?: number; access?: FolderAccess; isWritable?: boolean; more?: readonly SharedFolder[] }): FileGuest;
}

export function scene(t: TestContext): Scene {
  const root = mkdtempSync(join(tmpdir(), "pilotlight-files-"));
  const [inside, outside] = [join(root, "inside"), join(root, "outside")];
  mkdirSync(inside);
  mkdirSync(outside);
  const guests: FileGuest[] = [];
  t.after(() => {
    for (const { hostFiles } of guests) hostFiles.close();
    rmSync(root, { recursive: true, force: true });
  });
  return {
    root,
    inside,
    outside,
    guest({ isWritable = true, more = [], ...options } = {}) {
      const guest = new FileGuest([{ hostPath: inside, guestName: "/", isWritable }, ...more], options);
      guests.push(guest);
      return guest;
    },
  };
}
