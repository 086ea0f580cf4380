/**
 * Opening a file at the end of a walk: WASI's flags as open(2) has them, and
 * links followed by the walk alone. What comes back may be anything but a
 * link; whether it may be kept is the caller's question.
 */
import { constants, openSync } from "node:fs";
import { FDFLAGS, OFLAGS } from "../../../../guest/wasi/abi.ts";
import { OPEN } from "../../../../guest/wasi/file-operations.ts";
import { codeOf } from "./errno.ts";
import type { Walk } from "./walk.ts";

const NEW_FILE_MODE = 0o666;
/** A FIFO is opened without waiting for its other end, a terminal does not become ours. */
const ALWAYS = constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Links are followed by the walk, one after the other; the system is never let to. */
export function openAt(walk: Walk, flags: number, follows: boolean): number {
  for (;;) {
    try {
      const asFolder = walk.mustBeFolder ? constants.O_DIRECTORY : 0;
      return openSync(walk.path(), flags | asFolder, NEW_FILE_MODE);
    } catch (error) {
      const code = codeOf(error);
      if (!(follows || walk.mustBeFolder) || (code !== "ELOOP" && code !== "ENOTDIR")) throw error;
      walk.follow();
    }
  }
}

export function accessModeOf(how: number): number {
  if ((how & OPEN.write) === 0) return constants.O_RDONLY;
  return (how & OPEN.read) === 0 ? constants.O_WRONLY : constants.O_RDWR;
}

export function openFlags(how: number): number {
  let flags = ALWAYS | fdflagsOf(how >>> OPEN.fdflagsShift);
  if ((how & OFLAGS.creat) !== 0) flags |= constants.O_CREAT;
  if ((how & OFLAGS.excl) !== 0) flags |= constants.O_EXCL;
  if ((how & OFLAGS.trunc) !== 0) flags |= constants.O_TRUNC;
  if ((how & OFLAGS.directory) !== 0) flags |= constants.O_DIRECTORY;
  return flags;
}

export function fdflagsOf(fdflags: number): number {
  let flags = 0;
  if ((fdflags & FDFLAGS.append) !== 0) flags |= constants.O_APPEND;
  if ((fdflags & FDFLAGS.dsync) !== 0) flags |= constants.O_DSYNC;
  // Linux keeps rsync as sync.
  if ((fdflags & (FDFLAGS.sync | FDFLAGS.rsync)) !== 0) flags |= constants.O_SYNC;
  return flags;
}
