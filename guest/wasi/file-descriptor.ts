/**
 * File descriptors of files and folders: the position that the host does not
 * keep, the rights that a kind of file can have, and the checks that every
 * import begins with. Rights are WASI's promise to the guest's own parts, not
 * our wall: the host confines without them.
 */
import { ERRNO, FDFLAGS, FILETYPE, RIGHTS } from "./abi.ts";
import type { Channel } from "./channel.ts";
import type { Descriptor, FdTable } from "./fd-table.ts";
import { FILE_OPERATION } from "./file-operations.ts";

export interface FileDescriptor extends Descriptor {
  readonly kind: "file";
  position: number;
}

export const KNOWN_FDFLAGS = FDFLAGS.append | FDFLAGS.dsync | FDFLAGS.nonblock | FDFLAGS.rsync | FDFLAGS.sync;

const FOLDER_RIGHTS =
  RIGHTS.pathCreateDirectory |
  RIGHTS.pathCreateFile |
  RIGHTS.pathLinkSource |
  RIGHTS.pathLinkTarget |
  RIGHTS.pathOpen |
  RIGHTS.fdReaddir |
  RIGHTS.pathReadlink |
  RIGHTS.pathRenameSource |
  RIGHTS.pathRenameTarget |
  RIGHTS.pathFilestatGet |
  RIGHTS.pathFilestatSetSize |
  RIGHTS.pathFilestatSetTimes |
  RIGHTS.pathSymlink |
  RIGHTS.pathRemoveDirectory |
  RIGHTS.pathUnlinkFile |
  RIGHTS.fdFilestatGet |
  RIGHTS.fdFilestatSetTimes |
  RIGHTS.fdFdstatSetFlags |
  RIGHTS.fdSync |
  RIGHTS.fdDatasync |
  RIGHTS.pollFdReadwrite;

/** Of a file that was not opened for writing they would be a lie. */
const WRITER_RIGHTS = RIGHTS.fdWrite | RIGHTS.fdAllocate | RIGHTS.fdFilestatSetSize;

const FILE_RIGHTS =
  WRITER_RIGHTS |
  RIGHTS.fdRead |
  RIGHTS.fdSeek |
  RIGHTS.fdTell |
  RIGHTS.fdFdstatSetFlags |
  RIGHTS.fdSync |
  RIGHTS.fdDatasync |
  RIGHTS.fdAdvise |
  RIGHTS.fdFilestatGet |
  RIGHTS.fdFilestatSetTimes |
  RIGHTS.pollFdReadwrite;

/** What `requested` comes to on a file of this type: never more than was asked for. */
export function rightsOf(filetype: number, requested: bigint): bigint {
  if (filetype === FILETYPE.directory) return requested & FOLDER_RIGHTS;
  const rights = requested & FILE_RIGHTS;
  return (rights & RIGHTS.fdWrite) === 0n ? rights & ~WRITER_RIGHTS : rights;
}

const preopenNames = new WeakMap<Channel, Uint8Array[]>();

/** New descriptors each time: their rights can be given up. The names are asked for once. */
export function preopenedFolders(channel: Channel): Descriptor[] {
  let names = preopenNames.get(channel);
  if (names === undefined) {
    names = askForNames(channel);
    preopenNames.set(channel, names);
  }
  return names.map(
    (preopenName, handle): FileDescriptor => ({
      kind: "file",
      handle,
      filetype: FILETYPE.directory,
      preopenName,
      fdflags: 0,
      rightsBase: FOLDER_RIGHTS,
      rightsInheriting: FOLDER_RIGHTS | FILE_RIGHTS,
      position: 0,
    }),
  );
}

function askForNames({ call, window }: Channel): Uint8Array[] {
  const names: Uint8Array[] = [];
  for (;;) {
    const length = call(FILE_OPERATION.preopenName, names.length, 0, 0, 0, 0);
    if (length < 0) return names;
    names.push(window.slice(0, length));
  }
}

/** The open file, or why not: a WASI error code. A stream is none; seekers are told so. */
export function fileOf(table: FdTable, fd: number, right: bigint, ofStream: number = ERRNO.badf): FileDescriptor | number {
  const descriptor = table.get(fd);
  if (descriptor === undefined) return ERRNO.badf;
  if (descriptor.kind !== "file") return ofStream;
  return (descriptor.rightsBase & right) === right ? (descriptor as FileDescriptor) : ERRNO.notcapable;
}

/** As fileOf, for reading and writing: POSIX calls a file that was not opened for it a bad descriptor. */
export function contentOf(table: FdTable, fd: number, right: bigint, ofStream: number = ERRNO.badf): FileDescriptor | number {
  const file = fileOf(table, fd, 0n, ofStream);
  if (typeof file === "number") return file;
  if (file.filetype === FILETYPE.directory) return right === RIGHTS.fdRead ? ERRNO.isdir : ERRNO.badf;
  return (file.rightsBase & right) === right ? file : ERRNO.badf;
}

export function folderOf(table: FdTable, fd: number, right: bigint): FileDescriptor | number {
  const file = fileOf(table, fd, 0n);
  if (typeof file === "number") return file;
  if (file.filetype !== FILETYPE.directory) return ERRNO.notdir;
  return (file.rightsBase & right) === right ? file : ERRNO.notcapable;
}
