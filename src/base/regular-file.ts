/**
 * Reading a file that somebody else names. Looked at before it is read: a FIFO
 * or a device would never end, and a huge file would fill the memory. Opened
 * without waiting for a FIFO's writer, because a thread that waits there keeps
 * the process from ending. Follows links: where a file may lie is not decided here.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { fail, ok, type Result } from "./result.ts";
import { describeBytes, MIB } from "./units.ts";

/** For code and what it imports. */
export const SOURCE_MAX_BYTES = 16 * MIB;

/** The failure is a phrase that follows the file's name and a colon. */
export function readRegularFile(path: string, bytesMax = SOURCE_MAX_BYTES): Result<Buffer, string> {
  let descriptor: number | null = null;
  try {
    descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) return fail("it is no regular file");
    if (stats.size > bytesMax) return fail(`it is larger than ${describeBytes(bytesMax)}`);
    const bytes = Buffer.alloc(stats.size);
    let length = 0;
    for (let count = -1; count !== 0 && length < bytes.length; length += count)
      count = readSync(descriptor, bytes, length, bytes.length - length, null);
    return ok(bytes.subarray(0, length));
  } catch (error) {
    return fail((error as NodeJS.ErrnoException).code === "ENOENT" ? "no such file" : (error as Error).message);
  } finally {
    if (descriptor !== null) closeSync(descriptor);
  }
}
