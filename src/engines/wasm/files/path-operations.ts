/**
 * Path operations: what is done at a place that a walk has found, each with
 * the errors of its system call. The last component goes to the system without
 * slashes behind it, because those would make it follow a link; what they ask
 * for is checked here. None of these calls follows a last link by itself.
 */
import {
  type BigIntStats,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { ERRNO } from "../../../../guest/wasi/abi.ts";
import { codeOf, Refused } from "./errno.ts";
import type { Filestats } from "./filestat.ts";
import type { Folder, FolderAccess } from "./folder-access.ts";
import { Walk } from "./walk.ts";

export interface Place {
  readonly folder: Folder;
  readonly path: Buffer;
}

const SLASH = 0x2f;

export function statPath(access: FolderAccess, folder: Folder, path: Buffer, follows: boolean): BigIntStats {
  return walking(access, { folder, path }, (walk) => statAt(walk, follows));
}

export function setTimesPath(
  access: FolderAccess,
  folder: Folder,
  path: Buffer,
  follows: boolean,
  filestats: Filestats,
  { flags, atimNs, mtimNs }: { flags: number; atimNs: bigint; mtimNs: bigint },
): void {
  walking(access, { folder, path }, (walk) => {
    statAt(walk, follows);
    const stat = () => lstatSync(walk.path(), { bigint: true });
    filestats.setTimes(flags, atimNs, mtimNs, (atime, mtime) => lutimesSync(walk.path(), atime, mtime), stat);
  });
}

export function createFolder(access: FolderAccess, folder: Folder, path: Buffer): number {
  return walking(access, { folder, path }, (walk) => {
    if (walk.name === null) throw new Refused(ERRNO.exist);
    mkdirSync(walk.path());
    return 0;
  });
}

export function removeFolder(access: FolderAccess, folder: Folder, path: Buffer): number {
  return walking(access, { folder, path }, (walk) => {
    if (walk.name === null) throw new Refused(ERRNO.inval);
    rmdirSync(walk.path());
    return 0;
  });
}

export function unlink(access: FolderAccess, folder: Folder, path: Buffer): number {
  return walking(access, { folder, path }, (walk) => {
    if (walk.name === null) throw new Refused(ERRNO.isdir);
    if (walk.mustBeFolder) throw new Refused(lstatSync(walk.path()).isDirectory() ? ERRNO.isdir : ERRNO.notdir);
    unlinkSync(walk.path());
    return 0;
  });
}

/** What a link says, unless it names a place on the host. */
export function readLink(access: FolderAccess, folder: Folder, path: Buffer): Buffer {
  return walking(access, { folder, path }, (walk) => {
    if (walk.name === null) throw new Refused(ERRNO.inval);
    if (walk.mustBeFolder) throw new Refused(lstatSync(walk.path()).isDirectory() ? ERRNO.inval : ERRNO.notdir);
    const target = readlinkSync(walk.path(), { encoding: "buffer" });
    if (target[0] === SLASH) throw new Refused(ERRNO.notcapable);
    return target;
  });
}

/** A link may say what it likes but an absolute path: following it is what is guarded. */
export function symlink(access: FolderAccess, folder: Folder, path: Buffer, target: Buffer): number {
  if (target[0] === SLASH) throw new Refused(ERRNO.notcapable);
  return walking(access, { folder, path }, (walk) => {
    needNewName(walk);
    try {
      symlinkSync(target, walk.path());
    } catch (error) {
      // Node's permission model lets only a process link that may write everywhere.
      throw codeOf(error) === "ERR_ACCESS_DENIED" ? new Refused(ERRNO.notsup) : error;
    }
    return 0;
  });
}

export function link(access: FolderAccess, from: Place, to: Place): number {
  return walking(access, from, (source) =>
    walking(access, to, (target) => {
      if (source.name === null) throw new Refused(ERRNO.perm);
      if (source.mustBeFolder && !lstatSync(source.path()).isDirectory()) throw new Refused(ERRNO.notdir);
      if (!access.linksWithoutFollowing) throw new Refused(ERRNO.notsup);
      needNewName(target);
      linkSync(source.path(), target.path());
      return 0;
    }),
  );
}

export function rename(access: FolderAccess, from: Place, to: Place): number {
  return walking(access, from, (source) =>
    walking(access, to, (target) => {
      if (source.name === null || target.name === null) throw new Refused(ERRNO.busy);
      const mustBeFolder = source.mustBeFolder || target.mustBeFolder;
      if (mustBeFolder && !lstatSync(source.path()).isDirectory()) throw new Refused(ERRNO.notdir);
      renameSync(source.path(), target.path());
      return 0;
    }),
  );
}

function walking<T>(access: FolderAccess, { folder, path }: Place, run: (walk: Walk) => T): T {
  const walk = new Walk(access, folder, path);
  try {
    const result = run(walk);
    access.confirm(walk.folder);
    return result;
  } finally {
    walk.close();
  }
}

/** What the last component is; where links are followed, the walk then stands at what they lead to. */
function statAt(walk: Walk, follows: boolean): BigIntStats {
  for (;;) {
    const stats = lstatSync(walk.path(), { bigint: true });
    if (stats.isSymbolicLink() && (follows || walk.mustBeFolder)) walk.follow();
    else if (walk.mustBeFolder && !stats.isDirectory()) throw new Refused(ERRNO.notdir);
    else return stats;
  }
}

/** A name for something new that is no folder: with a slash behind it there is only the right error to find. */
function needNewName(walk: Walk): void {
  if (walk.name === null) throw new Refused(ERRNO.exist);
  if (!walk.mustBeFolder) return;
  throw new Refused(lstatSync(walk.path()).isDirectory() ? ERRNO.exist : ERRNO.notdir);
}
