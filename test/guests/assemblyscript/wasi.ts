/**
 * The little of WASI that guests in AssemblyScript need: streams, the
 * environment, the end. (@assemblyscript/wasi-shim does it for all of the
 * standard library; guests here spare the dependency.)
 */
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_read")
declare function fd_read(fd: u32, iovecs: usize, count: i32, read: usize): u16;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(fd: u32, iovecs: usize, count: i32, written: usize): u16;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "environ_sizes_get")
declare function environ_sizes_get(count: usize, size: usize): u16;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "environ_get")
declare function environ_get(pointers: usize, strings: usize): u16;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "args_sizes_get")
declare function args_sizes_get(count: usize, size: usize): u16;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "args_get")
declare function args_get(pointers: usize, strings: usize): u16;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "path_filestat_get")
declare function path_filestat_get(folder: u32, lookup: u32, path: usize, length: usize, stat: usize): u16;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "path_open")
declare function path_open(folder: u32, lookup: u32, path: usize, length: usize, flags: u16, rights: u64, inherited: u64, fdFlags: u16, fd: usize): u16;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "proc_exit")
declare function proc_exit(code: i32): void;

const CHUNK_BYTES = 16 * 1024;
/** Room for the buffer descriptions and results of one call. */
const SCRATCH_BYTES = 16;

export function readAll(fd: u32 = 0): ArrayBuffer {
  let bytes = new Uint8Array(CHUNK_BYTES);
  let length = 0;
  const at = memory.data(SCRATCH_BYTES, 8);
  while (true) {
    if (length == bytes.length) {
      const larger = new Uint8Array(bytes.length * 2);
      memory.copy(larger.dataStart, bytes.dataStart, length);
      bytes = larger;
    }
    store<u32>(at, <u32>(bytes.dataStart + length));
    store<u32>(at, <u32>(bytes.length - length), 4);
    if (fd_read(fd, at, 1, at + 8) != 0) break;
    const got = load<u32>(at, 8);
    if (got == 0) break;
    length += got;
  }
  return bytes.buffer.slice(0, length);
}

export function readText(): string {
  return String.UTF8.decode(readAll());
}

export function writeAll(bytes: ArrayBuffer, fd: u32 = 1): void {
  const at = memory.data(SCRATCH_BYTES, 8);
  for (let done: u32 = 0; done < <u32>bytes.byteLength; ) {
    store<u32>(at, <u32>(changetype<usize>(bytes) + done));
    store<u32>(at, <u32>bytes.byteLength - done, 4);
    if (fd_write(fd, at, 1, at + 8) != 0) return;
    done += load<u32>(at, 8);
  }
}

export function writeText(text: string, fd: u32 = 1): void {
  writeAll(String.UTF8.encode(text), fd);
}

/** "NAME=value" each. */
export function environment(): string[] {
  const at = memory.data(SCRATCH_BYTES, 8);
  environ_sizes_get(at, at + 4);
  const pointers = new StaticArray<u32>(load<u32>(at));
  const strings = new ArrayBuffer(load<u32>(at, 4));
  environ_get(changetype<usize>(pointers), changetype<usize>(strings));
  return stringsAt(pointers);
}

export function programArguments(): string[] {
  const at = memory.data(SCRATCH_BYTES, 8);
  args_sizes_get(at, at + 4);
  const pointers = new StaticArray<u32>(load<u32>(at));
  const strings = new ArrayBuffer(load<u32>(at, 4));
  args_get(changetype<usize>(pointers), changetype<usize>(strings));
  return stringsAt(pointers);
}

function stringsAt(pointers: StaticArray<u32>): string[] {
  const list: string[] = [];
  for (let index = 0; index < pointers.length; index++) list.push(String.UTF8.decodeUnsafe(pointers[index], strlen(pointers[index])));
  return list;
}

function strlen(text: usize): usize {
  let length: usize = 0;
  while (load<u8>(text + length) != 0) length++;
  return length;
}

const OFLAGS_CREAT: u16 = 1;
const FDFLAGS_APPEND: u16 = 1;
/** Of a filestat, and where the size is in it. */
const FILESTAT_BYTES = 64;
const SIZE_AT = 32;
const RIGHT_FD_READ: u64 = 1 << 1;
const RIGHT_FD_WRITE: u64 = 1 << 6;
/** wasi-libc's first preopened folder. */
const FIRST_FOLDER: u32 = 3;

/** Of a file below the first preopened folder; 0 when it is not there. */
export function fileSize(path: string): u64 {
  const name = String.UTF8.encode(path);
  const stat = memory.data(FILESTAT_BYTES, 8);
  if (path_filestat_get(FIRST_FOLDER, 0, changetype<usize>(name), name.byteLength, stat) != 0) return 0;
  return load<u64>(stat, SIZE_AT);
}

/** A file below the first preopened folder, to append to, made when it is not there; -1 when there is no such folder. */
export function openFile(path: string): i32 {
  const name = String.UTF8.encode(path);
  const at = memory.data(SCRATCH_BYTES, 8);
  const failed = path_open(FIRST_FOLDER, 0, changetype<usize>(name), name.byteLength, OFLAGS_CREAT, RIGHT_FD_READ | RIGHT_FD_WRITE, 0, FDFLAGS_APPEND, at);
  return failed != 0 ? -1 : load<u32>(at);
}

export function exit(code: i32): void {
  proc_exit(code);
}

/** What the compiler calls for a failed assertion or `throw`. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const where = file === null ? "" : " at " + file + ":" + line.toString() + ":" + column.toString();
  writeText((message === null ? "aborted" : message) + where + "\n", 2);
  proc_exit(255);
}
