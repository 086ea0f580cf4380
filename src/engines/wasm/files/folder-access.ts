/**
 * Folder access: a name in an open folder as a path that Node's functions take.
 *
 * On Linux that is /proc/self/fd/<folder>/<name>: the kernel goes on from the
 * folder that is open, whatever has been renamed meanwhile, so every call has
 * the semantics of openat and its family. Where /proc is missing (macOS) it is
 * the folder's own path, proven before and after each call to lead to where it
 * led when the folder was opened: a second process that swaps a folder for a
 * link exactly between proof and call is found out only afterwards.
 */
import { closeSync, constants, existsSync, openSync, realpathSync } from "node:fs";
import { ERRNO } from "../../../../guest/wasi/abi.ts";
import { Refused } from "./errno.ts";

export interface Folder {
  readonly fd: number;
  /** With the slash at its end. */
  readonly prefix: Buffer;
}

export interface FolderAccess {
  /** Follows links: whoever names a folder to be shared means what it leads to. */
  openRoot(hostPath: string): Folder;
  /** Throws ENOTDIR or ELOOP for a link. */
  openFolder(parent: Folder, name: Buffer): Folder;
  /** A folder that is open already, by its descriptor. */
  folderOn(fd: number, parent: Folder, name: Buffer | null): Folder;
  /** `name` is one component that is neither `.` nor `..`; null is the folder itself. */
  pathIn(folder: Folder, name: Buffer | null): Buffer;
  /** Call when an operation on a path of pathIn is done; throws when it may have gone elsewhere. */
  confirm(folder: Folder): void;
  /** A path of the open file itself, whatever its name is now; null where there is none. */
  pathOfOpen(fd: number): string | null;
  /** Hard links are made without following what they are made to. */
  readonly linksWithoutFollowing: boolean;
}

/** Linux: a place to go on from, also in a folder that may be searched but not read. Not in Node's constants. */
const O_PATH = 0o10000000;
const SELF = Buffer.from(".");
const WALKING = constants.O_DIRECTORY | constants.O_NOFOLLOW;

const byDescriptor: FolderAccess = {
  openRoot: (hostPath) => onDescriptor(openSync(hostPath, constants.O_RDONLY | constants.O_DIRECTORY)),
  openFolder: (parent, name) => onDescriptor(openSync(byDescriptor.pathIn(parent, name), O_PATH | WALKING)),
  folderOn: onDescriptor,
  pathIn: ({ prefix }, name) => Buffer.concat([prefix, name ?? SELF]),
  confirm() {},
  pathOfOpen: (fd) => `/proc/self/fd/${fd}`,
  linksWithoutFollowing: true,
};

function onDescriptor(fd: number): Folder {
  return { fd, prefix: Buffer.from(`/proc/self/fd/${fd}/`) };
}

const SLASH = Buffer.from("/");

export const byProvenPath: FolderAccess = {
  openRoot(hostPath) {
    const path = realpathSync.native(hostPath, { encoding: "buffer" });
    return { fd: openSync(path, constants.O_RDONLY | constants.O_DIRECTORY), prefix: withSlash(path) };
  },
  openFolder(parent, name) {
    const fd = openSync(byProvenPath.pathIn(parent, name), constants.O_RDONLY | WALKING);
    try {
      byProvenPath.confirm(parent);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return byProvenPath.folderOn(fd, parent, name);
  },
  folderOn: (fd, { prefix }, name) => ({ fd, prefix: name === null ? prefix : withSlash(Buffer.concat([prefix, name])) }),
  pathIn(folder, name) {
    byProvenPath.confirm(folder);
    return Buffer.concat([folder.prefix, name ?? SELF]);
  },
  confirm({ prefix }) {
    const path = realpathSync.native(prefix, { encoding: "buffer" });
    if (!withSlash(path).equals(prefix)) throw new Refused(ERRNO.notcapable);
  },
  pathOfOpen: () => null,
  linksWithoutFollowing: false,
};

function withSlash(path: Buffer): Buffer {
  return path.at(-1) === SLASH[0] ? path : Buffer.concat([path, SLASH]);
}

export function folderAccess(): FolderAccess {
  return existsSync("/proc/self/fd") ? byDescriptor : byProvenPath;
}
