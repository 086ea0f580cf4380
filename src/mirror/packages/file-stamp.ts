import type { Stats } from "node:fs";

/** Changes whenever the file does. With ctime: a tool that puts the old mtime back can't put that back. */
export function stampOf({ size, mtimeMs, ctimeMs, ino }: Stats): string {
  return `${ino}:${size}:${mtimeMs}:${ctimeMs}`;
}
