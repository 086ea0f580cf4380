/**
 * Files and folders of a guest process by their descriptors: the fd_* imports.
 * WASI's own rules are kept here (rights, flags, positions, error codes); what
 * may be touched is the host's to say. Bytes go through the window, a window
 * at a time. Must not throw but OUTSIDE, for what leaves the memory.
 */
import { ERRNO, FDFLAGS, FDSTAT_BYTES, FILESTAT_BYTES, FILETYPE, PREOPEN_DIR, PRESTAT_BYTES, RIGHTS, WHENCE } from "./abi.ts";
import { NOTED } from "./channel.ts";
import type { Descriptor } from "./fd-table.ts";
import { contentOf, type FileDescriptor, fileOf, folderOf, KNOWN_FDFLAGS } from "./file-descriptor.ts";
import { APPEND, FILE_OPERATION, SCRATCH_OFFSET } from "./file-operations.ts";
import { buffersAt, errnoOf, leaveTimes, list, readAll, unsigned, writeAll } from "./file-transfer.ts";
import type { GuestFunction } from "./guarded.ts";
import type { GuestProcess } from "./guest-process.ts";
import { pathImports } from "./path-imports.ts";

export { preopenedFolders } from "./file-descriptor.ts";

const ADVICE_MAX = 5;

export function fileImports(guest: GuestProcess): Record<string, GuestFunction> {
  const { memory, descriptors, channel } = guest;
  const { window, call } = channel;

  const sync = (fd: number, right: bigint, dataOnly: number): number => {
    const file = fileOf(descriptors, fd, right);
    return typeof file === "number" ? file : errnoOf(call(FILE_OPERATION.sync, file.handle, dataOnly, 0, 0, 0));
  };

  /** At the file's own position, which then moves on, or at another, which leaves it alone. */
  const read = (file: FileDescriptor, at: number, iovecs: number, count: number, readPointer: number): number => {
    memory.slice(readPointer, 4);
    const buffers = buffersAt(memory, iovecs, count);
    if (typeof buffers === "number") return buffers;
    const total = readAll(guest, file.handle, at, buffers);
    if (total < 0) return -total;
    memory.view.setUint32(readPointer >>> 0, total, true);
    return ERRNO.success;
  };

  const write = (file: FileDescriptor, at: number, iovecs: number, count: number, writtenPointer: number): number => {
    memory.slice(writtenPointer, 4);
    const buffers = buffersAt(memory, iovecs, count);
    if (typeof buffers === "number") return buffers;
    guest.noted |= NOTED.usedHost;
    const total = writeAll(guest, file.handle, at, buffers);
    if (total < 0) return -total;
    memory.view.setUint32(writtenPointer >>> 0, total, true);
    return ERRNO.success;
  };

  return {
    ...pathImports(guest),
    fd_advise(fd: number, offset: bigint, length: bigint, advice: number): number {
      const file = fileOf(descriptors, fd, RIGHTS.fdAdvise);
      if (typeof file === "number") return file;
      return offset < 0n || length < 0n || advice >>> 0 > ADVICE_MAX ? ERRNO.inval : ERRNO.success;
    },
    fd_allocate(fd: number): number {
      const file = contentOf(descriptors, fd, RIGHTS.fdAllocate);
      // Node has no fallocate, and a hole instead of blocks would be a promise not kept.
      return typeof file === "number" ? file : ERRNO.notsup;
    },
    fd_close(fd: number): number {
      const descriptor = descriptors.get(fd);
      if (descriptor === undefined) return ERRNO.badf;
      descriptors.delete(fd);
      return closeAtHost(guest, descriptor);
    },
    fd_datasync: (fd: number) => sync(fd, RIGHTS.fdDatasync, 1),
    fd_sync: (fd: number) => sync(fd, RIGHTS.fdSync, 0),
    fd_fdstat_get(fd: number, pointer: number): number {
      const descriptor = descriptors.get(fd);
      if (descriptor === undefined) return ERRNO.badf;
      memory.slice(pointer, FDSTAT_BYTES).fill(0);
      const { view } = memory;
      const at = pointer >>> 0;
      view.setUint8(at, descriptor.filetype);
      view.setUint16(at + 2, descriptor.fdflags, true);
      view.setBigUint64(at + 8, descriptor.rightsBase, true);
      view.setBigUint64(at + 16, descriptor.rightsInheriting, true);
      return ERRNO.success;
    },
    fd_fdstat_set_flags(fd: number, flags: number): number {
      const descriptor = descriptors.get(fd);
      if (descriptor === undefined) return ERRNO.badf;
      if ((flags & ~KNOWN_FDFLAGS) !== 0) return ERRNO.inval;
      if ((descriptor.rightsBase & RIGHTS.fdFdstatSetFlags) === 0n) return ERRNO.notcapable;
      // Nothing here blocks: that flag is only remembered.
      const isHosts = descriptor.kind === "file" && ((flags ^ descriptor.fdflags) & ~FDFLAGS.nonblock) !== 0;
      const errno = isHosts ? errnoOf(call(FILE_OPERATION.setFlags, descriptor.handle, flags, 0, 0, 0)) : ERRNO.success;
      if (errno === ERRNO.success) {
        descriptor.fdflags = flags;
        guest.descriptors.touch();
      }
      return errno;
    },
    fd_fdstat_set_rights(fd: number, base: bigint, inheriting: bigint): number {
      const descriptor = descriptors.get(fd);
      if (descriptor === undefined) return ERRNO.badf;
      const isMore = (base & ~descriptor.rightsBase) !== 0n || (inheriting & ~descriptor.rightsInheriting) !== 0n;
      if (isMore) return ERRNO.notcapable;
      descriptor.rightsBase = base;
      descriptor.rightsInheriting = inheriting;
      guest.descriptors.touch();
      return ERRNO.success;
    },
    fd_filestat_get(fd: number, pointer: number): number {
      const into = memory.slice(pointer, FILESTAT_BYTES);
      const descriptor = descriptors.get(fd);
      if (descriptor === undefined) return ERRNO.badf;
      if ((descriptor.rightsBase & RIGHTS.fdFilestatGet) === 0n) return ERRNO.notcapable;
      if (descriptor.kind !== "file") {
        into.fill(0);
        into[16] = descriptor.filetype;
        return ERRNO.success;
      }
      const errno = errnoOf(call(FILE_OPERATION.stat, descriptor.handle, 0, 0, 0, 0));
      if (errno === ERRNO.success) into.set(window.subarray(0, FILESTAT_BYTES));
      return errno;
    },
    fd_filestat_set_size(fd: number, size: bigint): number {
      const file = contentOf(descriptors, fd, RIGHTS.fdFilestatSetSize);
      if (typeof file === "number") return file;
      const bytes = unsigned(size);
      if (bytes === null) return ERRNO.fbig;
      guest.noted |= NOTED.usedHost;
      return errnoOf(call(FILE_OPERATION.setSize, file.handle, bytes, 0, 0, 0));
    },
    fd_filestat_set_times(fd: number, atim: bigint, mtim: bigint, flags: number): number {
      const file = fileOf(descriptors, fd, RIGHTS.fdFilestatSetTimes);
      if (typeof file === "number") return file;
      if (!leaveTimes(window, atim, mtim, flags)) return ERRNO.inval;
      guest.noted |= NOTED.usedHost;
      return errnoOf(call(FILE_OPERATION.setTimes, file.handle, flags, 0, 0, 0));
    },
    fd_pread(fd: number, iovecs: number, count: number, offset: bigint, readPointer: number): number {
      const file = contentOf(descriptors, fd, RIGHTS.fdRead, ERRNO.spipe);
      if (typeof file === "number") return file;
      if ((file.rightsBase & RIGHTS.fdSeek) === 0n) return ERRNO.notcapable;
      const at = unsigned(offset);
      return at === null ? ERRNO.inval : read(file, at, iovecs, count, readPointer);
    },
    fd_prestat_get(fd: number, pointer: number): number {
      const name = descriptors.get(fd)?.preopenName ?? null;
      if (name === null) return ERRNO.badf;
      memory.slice(pointer, PRESTAT_BYTES).fill(0);
      memory.view.setUint8(pointer >>> 0, PREOPEN_DIR);
      memory.view.setUint32((pointer >>> 0) + 4, name.length, true);
      return ERRNO.success;
    },
    fd_prestat_dir_name(fd: number, pointer: number, length: number): number {
      const name = descriptors.get(fd)?.preopenName ?? null;
      if (name === null) return ERRNO.badf;
      if (length >>> 0 < name.length) return ERRNO.nametoolong;
      memory.slice(pointer, name.length).set(name);
      return ERRNO.success;
    },
    fd_pwrite(fd: number, iovecs: number, count: number, offset: bigint, writtenPointer: number): number {
      const file = contentOf(descriptors, fd, RIGHTS.fdWrite, ERRNO.spipe);
      if (typeof file === "number") return file;
      if ((file.rightsBase & RIGHTS.fdSeek) === 0n) return ERRNO.notcapable;
      const at = unsigned(offset);
      return at === null ? ERRNO.inval : write(file, at, iovecs, count, writtenPointer);
    },
    fd_read(fd: number, iovecs: number, count: number, readPointer: number): number {
      const file = contentOf(descriptors, fd, RIGHTS.fdRead);
      if (typeof file === "number") return file;
      const errno = read(file, file.position, iovecs, count, readPointer);
      if (errno === ERRNO.success) file.position += memory.view.getUint32(readPointer >>> 0, true);
      return errno;
    },
    fd_readdir(fd: number, pointer: number, length: number, cookie: bigint, usedPointer: number): number {
      const into = memory.slice(pointer, length);
      memory.slice(usedPointer, 4);
      const folder = folderOf(descriptors, fd, RIGHTS.fdReaddir);
      if (typeof folder === "number") return folder;
      const first = unsigned(cookie);
      if (first === null) return ERRNO.inval;
      const used = list(guest, folder.handle, first, into);
      if (used < 0) return -used;
      memory.view.setUint32(usedPointer >>> 0, used, true);
      return ERRNO.success;
    },
    fd_renumber(from: number, to: number): number {
      const moved = descriptors.get(from);
      const replaced = descriptors.get(to);
      if (moved === undefined || replaced === undefined) return ERRNO.badf;
      if (from === to) return ERRNO.success;
      closeAtHost(guest, replaced);
      descriptors.set(to, moved);
      descriptors.delete(from);
      return ERRNO.success;
    },
    fd_seek(fd: number, offset: bigint, whence: number, pointer: number): number {
      memory.slice(pointer, 8);
      // Asking where one is needs no more than the right to tell.
      const isTell = whence === WHENCE.cur && offset === 0n;
      const file = seekable(guest, fd, isTell);
      if (typeof file === "number") return file;
      let from = 0;
      if (whence === WHENCE.cur) from = file.position;
      else if (whence === WHENCE.end) from = call(FILE_OPERATION.size, file.handle, 0, 0, 0, 0);
      else if (whence !== WHENCE.set) return ERRNO.inval;
      if (from < 0) return -from;
      const position = unsigned(BigInt(from) + offset);
      if (position === null) return ERRNO.inval;
      file.position = position;
      memory.view.setBigUint64(pointer >>> 0, BigInt(position), true);
      return ERRNO.success;
    },
    fd_tell(fd: number, pointer: number): number {
      const file = seekable(guest, fd, true);
      if (typeof file === "number") return file;
      memory.view.setBigUint64(pointer >>> 0, BigInt(file.position), true);
      return ERRNO.success;
    },
    fd_write(fd: number, iovecs: number, count: number, writtenPointer: number): number {
      const file = contentOf(descriptors, fd, RIGHTS.fdWrite);
      if (typeof file === "number") return file;
      const appends = (file.fdflags & FDFLAGS.append) !== 0;
      const errno = write(file, appends ? APPEND : file.position, iovecs, count, writtenPointer);
      if (errno !== ERRNO.success) return errno;
      const written = memory.view.getUint32(writtenPointer >>> 0, true);
      if (!appends) file.position += written;
      else if (written > 0) file.position = new DataView(window.buffer, window.byteOffset).getFloat64(SCRATCH_OFFSET, true);
      return ERRNO.success;
    },
  };
}

/** A preopened folder stays open at the host: the next request finds it again. */
function closeAtHost(guest: GuestProcess, descriptor: Descriptor): number {
  if (descriptor.kind !== "file" || descriptor.preopenName !== null) return ERRNO.success;
  return errnoOf(guest.channel.call(FILE_OPERATION.close, descriptor.handle, 0, 0, 0, 0));
}

function seekable(guest: GuestProcess, fd: number, isTell: boolean): FileDescriptor | number {
  const file = fileOf(guest.descriptors, fd, 0n, ERRNO.spipe);
  if (typeof file === "number") return file;
  if (file.filetype === FILETYPE.directory) return ERRNO.badf;
  const rights = isTell ? RIGHTS.fdTell | RIGHTS.fdSeek : RIGHTS.fdSeek;
  return (file.rightsBase & rights) === 0n ? ERRNO.notcapable : file;
}
