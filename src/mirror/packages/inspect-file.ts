/**
 * Inspects one file of the folder of packages: its hash, and what its metadata
 * tells. The file belongs to somebody else, who may be writing it: what was
 * read counts only if the file is the same before and after.
 * Synchronous: for a thread that has nothing else to do.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { builtin } from "../../base/builtin.ts";
import { stampOf } from "../../base/file-stamp.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import { MIB } from "../../base/units.ts";
import { readRequiresPython } from "./wheel-metadata.ts";

const BLOCK_BYTES = MIB;

export interface FileFacts {
  readonly stamp: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly requiresPython: string | null;
}

export interface InspectionFault {
  /** Of the file as it was met; null where it couldn't be opened. */
  readonly stamp: string | null;
  /** A phrase that follows the file's name and a colon. */
  readonly reason: string;
}

export type Inspection = Result<FileFacts, InspectionFault>;

/** Links aren't followed: who listed the file has resolved it. */
export function inspectFile(path: string, isZip: boolean): Inspection {
  let fd: number | null = null;
  let stamp: string | null = null;
  try {
    fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0));
    const stats = fstatSync(fd);
    stamp = stampOf(stats);
    if (!stats.isFile()) return fail({ stamp, reason: "it is no regular file" });
    const sha256 = hashOf(fd);
    const requiresPython = isZip ? readRequiresPython(fd, stats.size) : ok(null);
    if (stampOf(fstatSync(fd)) !== stamp) return fail({ stamp, reason: "it changed while it was read: is it still being copied?" });
    if (!requiresPython.ok) return fail({ stamp, reason: requiresPython.failure });
    return ok({ stamp, sha256, sizeBytes: stats.size, modifiedMs: stats.mtimeMs, requiresPython: requiresPython.value });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return fail({ stamp, reason: code === "ENOENT" ? "it is gone" : message });
  } finally {
    if (fd !== null) closeSync(fd);
  }
}

function hashOf(fd: number): string {
  const hash = builtin.crypto.createHash("sha256");
  const block = Buffer.allocUnsafe(BLOCK_BYTES);
  let offset = 0;
  for (let count = -1; count !== 0; offset += count) {
    count = readSync(fd, block, 0, BLOCK_BYTES, offset);
    hash.update(block.subarray(0, count));
  }
  return hash.digest("hex");
}
