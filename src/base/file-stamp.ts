/** A file's stamp: tells whether a file is still the one that was read, without reading it again. */
import { type Stats, statSync } from "node:fs";

/** Changes whenever the file does. With ctime: a tool that puts the old mtime back can't put that back. */
export function stampOf({ size, mtimeMs, ctimeMs, ino }: Stats): string {
  return `${ino}:${size}:${mtimeMs}:${ctimeMs}`;
}

/** Of a file that may be gone, or can't be looked at: that is a state like another. */
export function stampOfPath(path: string): string {
  try {
    return stampOf(statSync(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return code === "ENOENT" ? "missing" : `unreadable ${code}`;
  }
}
