/**
 * Host files: the host's half of WASI files and folders
 * (guest/wasi/file-operations.ts lists the operations). It keeps the guest
 * inside the folders it was given: walk.ts finds the way, folder-access.ts
 * pins it down, and this file refuses every change below a folder that is not
 * writable. Nothing that comes over the channel is trusted: handles, lengths,
 * flags and paths are checked here again, paths on a copy, since another thread
 * can write to the window. Closing is a must: close() or descriptors leak.
 */
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  futimesSync,
  openSync,
  readSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { ERRNO, FILETYPE, OFLAGS } from "../../../../guest/wasi/abi.ts";
import {
  APPEND,
  FILE_OPERATION,
  OPEN,
  PATH_MAX_BYTES,
  SCRATCH_OFFSET,
  SECOND_PATH_OFFSET,
} from "../../../../guest/wasi/file-operations.ts";
import type { SharedFolder } from "../../engine.ts";
import { codeOf, errnoOfError, Refused } from "./errno.ts";
import { Filestats, filetypeOf, type TimeArgument } from "./filestat.ts";
import { type Folder, type FolderAccess, folderAccess } from "./folder-access.ts";
import { FolderListing } from "./folder-listing.ts";
import { type OpenFile, OpenFiles, type OpenFolder } from "./open-files.ts";
import { accessModeOf, fdflagsOf, openAt, openFlags } from "./opening.ts";
import * as paths from "./path-operations.ts";
import { Walk } from "./walk.ts";

export interface HostFilesOptions {
  readonly folders: readonly SharedFolder[];
  /** Files and folders that may be open at once, besides the shared folders. */
  readonly openMaxCount: number;
  readonly window: Uint8Array;
  /** How names become paths: what the system offers, unless a test says otherwise. */
  readonly access?: FolderAccess;
}

export class HostFiles {
  readonly #window: Uint8Array;
  readonly #view: DataView;
  readonly #names: readonly Buffer[];
  readonly #access: FolderAccess;
  readonly #files: OpenFiles;
  readonly #filestats = new Filestats();

  /** Throws the system's error, with what it was about, when a shared folder can't be opened. */
  constructor({ folders, openMaxCount, window, access = folderAccess() }: HostFilesOptions) {
    this.#window = window;
    this.#view = new DataView(window.buffer, window.byteOffset, window.byteLength);
    this.#access = access;
    this.#names = folders.map(({ guestName }) => Buffer.from(guestName));
    const shared = openShared(access, folders);
    const opened = folders.map(({ isWritable }, index) => this.#folderFile(shared[index]!, isWritable));
    this.#files = new OpenFiles(opened, openMaxCount);
  }

  /** One operation: a result of zero or more, or minus a WASI error code. */
  serve(operation: number, a: number, b: number, c: number, d: number, _e: number): number {
    try {
      return this.#serve(operation, a, b, c, d);
    } catch (error) {
      return -errnoOfError(error);
    }
  }

  /** Between requests: everything but the shared folders. */
  closeOpened(): void {
    this.#files.closeOpened();
  }

  close(): void {
    this.#files.closeAll();
  }

  #serve(operation: number, a: number, b: number, c: number, d: number): number {
    switch (operation) {
      case FILE_OPERATION.preopenName:
        return this.#leave(this.#names[a] ?? fail(ERRNO.badf), this.#window.length);
      case FILE_OPERATION.open:
        return this.#open(this.#files.getFolder(a), this.#path(b), c >>> 0);
      case FILE_OPERATION.close:
        this.#files.close(a);
        return 0;
      case FILE_OPERATION.read:
        return readSync(this.#files.get(a).fd, this.#window, 0, this.#length(b), offset(c));
      case FILE_OPERATION.write:
        return this.#write(this.#files.get(a), this.#length(b), c);
      case FILE_OPERATION.stat:
        this.#filestats.write(this.#window, fstatSync(this.#files.get(a).fd, { bigint: true }));
        return 0;
      case FILE_OPERATION.size:
        return fstatSync(this.#files.get(a).fd).size;
      case FILE_OPERATION.setSize:
        ftruncateSync(this.#writable(this.#files.get(a)).fd, offset(b));
        return 0;
      case FILE_OPERATION.setTimes:
        this.#setTimes(this.#writable(this.#files.get(a)), b >>> 0);
        return 0;
      case FILE_OPERATION.setFlags:
        this.#setFlags(this.#files.get(a), b >>> 0);
        return 0;
      case FILE_OPERATION.sync:
        sync(this.#files.get(a).fd, b === 1);
        return 0;
      case FILE_OPERATION.list: {
        const { listing } = this.#files.getFolder(a);
        return listing.write(this.#window.subarray(0, this.#length(c)), offset(b), this.#files.nameCountWithout(listing));
      }
      default:
        return this.#servePath(operation, a, b, c, d);
    }
  }

  #servePath(operation: number, a: number, b: number, c: number, d: number): number {
    const access = this.#access;
    switch (operation) {
      case FILE_OPERATION.statPath:
        this.#filestats.write(this.#window, paths.statPath(access, this.#files.getFolder(a).folder, this.#path(b), c === 1));
        return 0;
      case FILE_OPERATION.setTimesPath: {
        const { folder } = this.#writable(this.#files.getFolder(a));
        const path = this.#path(b);
        paths.setTimesPath(access, folder, path, c === 1, this.#filestats, { flags: d >>> 0, ...this.#times() });
        return 0;
      }
      case FILE_OPERATION.createFolder:
        return paths.createFolder(access, this.#writable(this.#files.getFolder(a)).folder, this.#path(b));
      case FILE_OPERATION.removeFolder:
        return paths.removeFolder(access, this.#writable(this.#files.getFolder(a)).folder, this.#path(b));
      case FILE_OPERATION.unlink:
        return paths.unlink(access, this.#writable(this.#files.getFolder(a)).folder, this.#path(b));
      case FILE_OPERATION.readLink:
        return this.#leave(paths.readLink(access, this.#files.getFolder(a).folder, this.#path(b)), this.#length(c));
      case FILE_OPERATION.symlink:
        return paths.symlink(access, this.#writable(this.#files.getFolder(a)).folder, this.#path(b), this.#secondPath(c));
      case FILE_OPERATION.link:
      case FILE_OPERATION.rename: {
        // Both: a second name in a writable folder would make writable what lies in one that is not.
        const from = { folder: this.#writable(this.#files.getFolder(a)).folder, path: this.#path(b) };
        const to = { folder: this.#writable(this.#files.getFolder(c)).folder, path: this.#secondPath(d) };
        return operation === FILE_OPERATION.link ? paths.link(access, from, to) : paths.rename(access, from, to);
      }
      default:
        return -ERRNO.nosys;
    }
  }

  #open({ folder, isWritable }: OpenFolder, path: Buffer, how: number): number {
    this.#files.checkRoom();
    if (!isWritable && (how & (OPEN.write | OFLAGS.creat | OFLAGS.trunc)) !== 0) throw new Refused(ERRNO.rofs);
    const walk = new Walk(this.#access, folder, path);
    try {
      if (walk.mustBeFolder && (how & OFLAGS.creat) !== 0) throw new Refused(ERRNO.isdir);
      const accessMode = accessModeOf(how);
      const fd = openAt(walk, accessMode | openFlags(how), (how & OPEN.follow) !== 0);
      return this.#keep(fd, walk, accessMode, isWritable);
    } finally {
      walk.close();
    }
  }

  /** Only files and folders: anything else does something when it is opened, read or written. */
  #keep(fd: number, walk: Walk, accessMode: number, isWritable: boolean): number {
    try {
      this.#access.confirm(walk.folder);
      const filetype = filetypeOf(fstatSync(fd, { bigint: true }));
      if (filetype !== FILETYPE.directory && filetype !== FILETYPE.regularFile) throw new Refused(ERRNO.nxio);
      this.#window[0] = filetype;
      const isFolder = filetype === FILETYPE.directory;
      if (isFolder) return this.#files.add(this.#folderFile(this.#access.folderOn(fd, walk.folder, walk.name), isWritable));
      return this.#files.add({ fd, isWritable, accessMode, folder: null, listing: null });
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  #folderFile(folder: Folder, isWritable: boolean): OpenFolder {
    const listing = new FolderListing(this.#access, folder);
    return { fd: folder.fd, isWritable, accessMode: constants.O_RDONLY, folder, listing };
  }

  #write({ fd }: OpenFile, length: number, at: number): number {
    if (at !== APPEND) return writeSync(fd, this.#window, 0, length, offset(at));
    const count = writeSync(fd, this.#window, 0, length, null);
    this.#view.setFloat64(SCRATCH_OFFSET, fstatSync(fd).size, true);
    return count;
  }

  #setTimes(file: OpenFile, flags: number): void {
    const { atimNs, mtimNs } = this.#times();
    const path = this.#access.pathOfOpen(file.fd);
    const stat = () => fstatSync(file.fd, { bigint: true });
    // By a path where there is one: Node's permission model refuses futimes altogether.
    const set = (atime: TimeArgument, mtime: TimeArgument): void =>
      path === null ? futimesSync(file.fd, atime, mtime) : utimesSync(path, atime, mtime);
    this.#filestats.setTimes(flags, atimNs, mtimNs, set, stat);
  }

  /** Node has no fcntl: the same file is opened once more, under the new flags. */
  #setFlags(file: OpenFile, fdflags: number): void {
    const path = this.#access.pathOfOpen(file.fd);
    if (path === null || file.folder !== null) throw new Refused(ERRNO.notsup);
    const fd = openSync(path, file.accessMode | fdflagsOf(fdflags) | constants.O_NONBLOCK);
    closeSync(file.fd);
    file.fd = fd;
  }

  #writable<T extends OpenFile>(file: T): T {
    if (!file.isWritable) throw new Refused(ERRNO.rofs);
    return file;
  }

  #times(): { atimNs: bigint; mtimNs: bigint } {
    return { atimNs: this.#view.getBigUint64(SCRATCH_OFFSET, true), mtimNs: this.#view.getBigUint64(SCRATCH_OFFSET + 8, true) };
  }

  #path(length: number, start = 0): Buffer {
    if (!(length > 0 && length <= PATH_MAX_BYTES)) throw new Refused(length === 0 ? ERRNO.noent : ERRNO.nametoolong);
    const path = Buffer.from(this.#window.subarray(start, start + length));
    if (path.includes(0)) throw new Refused(ERRNO.inval);
    return path;
  }

  #secondPath(length: number): Buffer {
    return this.#path(length, SECOND_PATH_OFFSET);
  }

  #length(length: number): number {
    return Math.min(length >>> 0, this.#window.length);
  }

  #leave(bytes: Buffer, capacity: number): number {
    const part = bytes.subarray(0, capacity);
    this.#window.set(part);
    return part.length;
  }
}

function fail(errno: number): never {
  throw new Refused(errno);
}

function openShared(access: FolderAccess, folders: readonly SharedFolder[]): Folder[] {
  const opened: Folder[] = [];
  for (const { hostPath, guestName } of folders) {
    try {
      opened.push(access.openRoot(hostPath));
    } catch (error) {
      for (const { fd } of opened) closeSync(fd);
      const why = (error as Error).message;
      throw new Error(`Cannot share the folder ${hostPath} as ${guestName}: ${why}; name a folder that exists and can be read`, {
        cause: error,
      });
    }
  }
  return opened;
}

/** A position or a size that the system takes exactly. */
function offset(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new Refused(ERRNO.inval);
  return value;
}

/** Node's permission model refuses it to worker processes: better to say so than to pretend. */
function sync(fd: number, dataOnly: boolean): void {
  try {
    if (dataOnly) fdatasyncSync(fd);
    else fsyncSync(fd);
  } catch (error) {
    throw codeOf(error) === "ERR_ACCESS_DENIED" ? new Refused(ERRNO.notsup) : error;
  }
}
