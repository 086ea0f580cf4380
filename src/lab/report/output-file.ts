/**
 * Files that a report is written to: a reader finds the whole file or none,
 * because it is written beside its place and renamed. Where the place is a
 * device or a pipe (/dev/stdout), it is written to directly: renaming would
 * replace the device. A failure names the file and what to do about it.
 */
import { type FileHandle, open, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type Failure, fail, ok, type Result } from "../../base/result.ts";

/** Writes every piece in turn; the next is asked for when the last is written. */
export async function writeOutputFile(path: string, pieces: Iterable<string>): Promise<Result<void>> {
  let temporary: string | null = null;
  let handle: FileHandle | null = null;
  try {
    // A link stays a link: its target is what is replaced.
    const target = await realpath(path).catch(() => path);
    const existing = await stat(target).catch(() => null);
    if (existing?.isDirectory()) return fail(writeFailure(path, "EISDIR"));
    if (existing === null || existing.isFile()) temporary = temporaryName(target);
    handle = await open(temporary ?? target, temporary === null ? "w" : "wx");
    for (const piece of pieces) await handle.writeFile(piece);
    // Before the rename: a disk that is full may only say so now.
    if (temporary !== null) await handle.sync();
    await handle.close();
    handle = null;
    if (temporary !== null) await rename(temporary, target);
    return ok(undefined);
  } catch (error) {
    await handle?.close().catch(() => {});
    if (temporary !== null) await rm(temporary, { force: true }).catch(() => {});
    return fail(writeFailure(path, (error as NodeJS.ErrnoException).code ?? String(error)));
  }
}

/** Why a report could not be written there, told before it is made; null when it could be now. Leaves nothing behind. */
export async function outputFailure(path: string): Promise<Failure | null> {
  const target = await realpath(path).catch(() => path);
  const existing = await stat(target).catch(() => null);
  if (existing?.isDirectory()) return writeFailure(path, "EISDIR");
  if (existing !== null && !existing.isFile()) return null;
  const temporary = temporaryName(target);
  try {
    await (await open(temporary, "wx")).close();
    await rm(temporary);
    return null;
  } catch (error) {
    return writeFailure(path, (error as NodeJS.ErrnoException).code ?? String(error));
  }
}

function temporaryName(target: string): string {
  return join(dirname(target), `.tmp-${process.pid}-${Math.random().toString(36).slice(2, 10)}-${basename(target).slice(0, 64)}`);
}

const REASONS: Readonly<Record<string, readonly [state: string, hint: string]>> = {
  ENOSPC: ["the disk is full", "Free some room, or write to another disk"],
  EDQUOT: ["your disk quota is used up", "Free some room, or write to another disk"],
  EACCES: ["permission denied", "Write to a folder of yours, or change its permissions"],
  EPERM: ["permission denied", "Write to a folder of yours, or change its permissions"],
  EROFS: ["the file system is read-only", "Write to another folder"],
  ENOENT: ["its folder does not exist", "Make the folder first, or write to another one"],
  ENOTDIR: ["a part of the path is a file, not a folder", "Write to another folder"],
  EISDIR: ["it is a folder", "Give the name of a file in it"],
  ENAMETOOLONG: ["the name is too long", "Give a shorter name"],
  EFBIG: ["it grew over the largest size allowed for a file", "Raise the limit (ulimit -f), or write to another disk"],
  EPIPE: ["its reader went away", "Write to a file, or keep the reader open to the end"],
};

/** For whatever writes elsewhere (a stream) and reports the same way. */
export function writeFailure(name: string, code: string): Failure {
  const [state, hint] = REASONS[code] ?? [code, "Try another file or folder"];
  return { code: "REPORT_WRITE_FAILED", message: `Cannot write ${name}: ${state}${REASONS[code] === undefined ? "" : ` (${code})`}`, hint };
}
