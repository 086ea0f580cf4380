/**
 * Files and folders by their paths: the path_* imports. Rights, flags and the
 * shape of a path are judged here; where a path leads, the host finds out.
 * Paths are bytes: nothing is decoded.
 */
import { ERRNO, FILESTAT_BYTES, FILETYPE, LOOKUPFLAGS, OFLAGS, RIGHTS } from "./abi.ts";
import { NOTED } from "./channel.ts";
import { type FileDescriptor, folderOf, KNOWN_FDFLAGS, rightsOf } from "./file-descriptor.ts";
import { FILE_OPERATION, OPEN, PATH_MAX_BYTES, SECOND_PATH_OFFSET } from "./file-operations.ts";
import { errnoOf, leaveTimes } from "./file-transfer.ts";
import type { GuestFunction } from "./guarded.ts";
import type { GuestProcess } from "./guest-process.ts";

const KNOWN_OFLAGS = OFLAGS.creat | OFLAGS.directory | OFLAGS.excl | OFLAGS.trunc;

export function pathImports(guest: GuestProcess): Record<string, GuestFunction> {
  const { memory, descriptors, channel } = guest;
  const { window, call } = channel;

  const leavePath = (pointer: number, length: number, offset: number): number => {
    const path = memory.slice(pointer, length);
    if (path.length === 0) return ERRNO.noent;
    if (path.length > PATH_MAX_BYTES) return ERRNO.nametoolong;
    if (path.includes(0)) return ERRNO.inval;
    window.set(path, offset);
    return ERRNO.success;
  };

  /** An operation that changes something at one path. */
  const change = (operation: number, fd: number, right: bigint, pointer: number, length: number): number => {
    const folder = folderOf(descriptors, fd, right);
    if (typeof folder === "number") return folder;
    const errno = leavePath(pointer, length, 0);
    if (errno !== ERRNO.success) return errno;
    guest.noted |= NOTED.usedHost;
    return errnoOf(call(operation, folder.handle, length >>> 0, 0, 0, 0));
  };

  /** One that puts what lies at a path at another path. */
  const place = (operation: number, from: Location, to: Location): number => {
    const source = folderOf(descriptors, from.fd, from.right);
    if (typeof source === "number") return source;
    const target = folderOf(descriptors, to.fd, to.right);
    if (typeof target === "number") return target;
    const errno = leavePath(from.pointer, from.length, 0) || leavePath(to.pointer, to.length, SECOND_PATH_OFFSET);
    if (errno !== ERRNO.success) return errno;
    guest.noted |= NOTED.usedHost;
    return errnoOf(call(operation, source.handle, from.length >>> 0, target.handle, to.length >>> 0, 0));
  };

  return {
    path_create_directory: (fd: number, pointer: number, length: number) =>
      change(FILE_OPERATION.createFolder, fd, RIGHTS.pathCreateDirectory, pointer, length),
    path_remove_directory: (fd: number, pointer: number, length: number) =>
      change(FILE_OPERATION.removeFolder, fd, RIGHTS.pathRemoveDirectory, pointer, length),
    path_unlink_file: (fd: number, pointer: number, length: number) =>
      change(FILE_OPERATION.unlink, fd, RIGHTS.pathUnlinkFile, pointer, length),
    path_filestat_get(fd: number, lookup: number, pointer: number, length: number, statPointer: number): number {
      const into = memory.slice(statPointer, FILESTAT_BYTES);
      const folder = folderOf(descriptors, fd, RIGHTS.pathFilestatGet);
      if (typeof folder === "number") return folder;
      const errno =
        leavePath(pointer, length, 0) ||
        errnoOf(call(FILE_OPERATION.statPath, folder.handle, length >>> 0, lookup & LOOKUPFLAGS.symlinkFollow, 0, 0));
      if (errno === ERRNO.success) into.set(window.subarray(0, FILESTAT_BYTES));
      return errno;
    },
    path_filestat_set_times(
      fd: number,
      lookup: number,
      pointer: number,
      length: number,
      atim: bigint,
      mtim: bigint,
      flags: number,
    ): number {
      const folder = folderOf(descriptors, fd, RIGHTS.pathFilestatSetTimes);
      if (typeof folder === "number") return folder;
      const errno = leavePath(pointer, length, 0);
      if (errno !== ERRNO.success) return errno;
      if (!leaveTimes(window, atim, mtim, flags)) return ERRNO.inval;
      guest.noted |= NOTED.usedHost;
      const follow = lookup & LOOKUPFLAGS.symlinkFollow;
      return errnoOf(call(FILE_OPERATION.setTimesPath, folder.handle, length >>> 0, follow, flags, 0));
    },
    path_link(fd: number, lookup: number, pointer: number, length: number, newFd: number, newPointer: number, newLength: number): number {
      // Linking to what another link leads to: no system call of Node's does it, and wasmtime refuses it too.
      if ((lookup & LOOKUPFLAGS.symlinkFollow) !== 0) return ERRNO.inval;
      return place(
        FILE_OPERATION.link,
        { fd, right: RIGHTS.pathLinkSource, pointer, length },
        { fd: newFd, right: RIGHTS.pathLinkTarget, pointer: newPointer, length: newLength },
      );
    },
    path_rename: (fd: number, pointer: number, length: number, newFd: number, newPointer: number, newLength: number) =>
      place(
        FILE_OPERATION.rename,
        { fd, right: RIGHTS.pathRenameSource, pointer, length },
        { fd: newFd, right: RIGHTS.pathRenameTarget, pointer: newPointer, length: newLength },
      ),
    path_symlink(pointer: number, length: number, fd: number, newPointer: number, newLength: number): number {
      const folder = folderOf(descriptors, fd, RIGHTS.pathSymlink);
      if (typeof folder === "number") return folder;
      const errno = leavePath(pointer, length, SECOND_PATH_OFFSET) || leavePath(newPointer, newLength, 0);
      if (errno !== ERRNO.success) return errno;
      guest.noted |= NOTED.usedHost;
      return errnoOf(call(FILE_OPERATION.symlink, folder.handle, newLength >>> 0, length >>> 0, 0, 0));
    },
    path_readlink(fd: number, pointer: number, length: number, into: number, intoLength: number, usedPointer: number): number {
      const buffer = memory.slice(into, intoLength);
      memory.slice(usedPointer, 4);
      const folder = folderOf(descriptors, fd, RIGHTS.pathReadlink);
      if (typeof folder === "number") return folder;
      const errno = leavePath(pointer, length, 0);
      if (errno !== ERRNO.success) return errno;
      const used = call(FILE_OPERATION.readLink, folder.handle, length >>> 0, Math.min(buffer.length, window.length), 0, 0);
      if (used < 0) return -used;
      buffer.set(window.subarray(0, used));
      memory.view.setUint32(usedPointer >>> 0, used, true);
      return ERRNO.success;
    },
    path_open(
      fd: number,
      lookup: number,
      pointer: number,
      length: number,
      oflags: number,
      rightsBase: bigint,
      rightsInheriting: bigint,
      fdflags: number,
      fdPointer: number,
    ): number {
      memory.slice(fdPointer, 4);
      const folder = folderOf(descriptors, fd, RIGHTS.pathOpen | rightsFor(oflags));
      if (typeof folder === "number") return folder;
      if ((oflags & ~KNOWN_OFLAGS) !== 0 || (fdflags & ~KNOWN_FDFLAGS) !== 0) return ERRNO.inval;
      if ((oflags & OFLAGS.creat) !== 0 && (oflags & OFLAGS.directory) !== 0) return ERRNO.inval;
      const errno = leavePath(pointer, length, 0);
      if (errno !== ERRNO.success) return errno;
      // What the folder does not pass on is not given, as by its libc, rather than refused.
      const rights = rightsBase & folder.rightsInheriting;
      let how = oflags | (fdflags << OPEN.fdflagsShift);
      if ((lookup & LOOKUPFLAGS.symlinkFollow) !== 0) how |= OPEN.follow;
      if ((rights & RIGHTS.fdRead) !== 0n) how |= OPEN.read;
      if ((rights & RIGHTS.fdWrite) !== 0n) how |= OPEN.write;
      guest.noted |= (how & (OPEN.write | OFLAGS.creat | OFLAGS.trunc)) === 0 ? NOTED.openedFile : NOTED.openedFile | NOTED.usedHost;
      const handle = call(FILE_OPERATION.open, folder.handle, length >>> 0, how, 0, 0);
      if (handle < 0) return -handle;
      const filetype = window[0]!;
      const opened: FileDescriptor = {
        kind: "file",
        handle,
        filetype,
        preopenName: null,
        fdflags,
        rightsBase: rightsOf(filetype, rights),
        rightsInheriting: filetype === FILETYPE.directory ? rightsInheriting & folder.rightsInheriting : 0n,
        position: 0,
      };
      memory.view.setUint32(fdPointer >>> 0, descriptors.add(opened), true);
      return ERRNO.success;
    },
  };
}

interface Location {
  readonly fd: number;
  readonly right: bigint;
  readonly pointer: number;
  readonly length: number;
}

function rightsFor(oflags: number): bigint {
  const creates = (oflags & OFLAGS.creat) !== 0 ? RIGHTS.pathCreateFile : 0n;
  return (oflags & OFLAGS.trunc) !== 0 ? creates | RIGHTS.pathFilestatSetSize : creates;
}
