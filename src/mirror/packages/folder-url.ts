/**
 * How a page of the folder of packages tells where a file lies: its path, and
 * the stamp that it had when its hash was taken, so that nobody is sent another
 * file under that hash. No address of an index looks like it (simple/address.ts).
 */
import { assert } from "../../base/assert.ts";

const SCHEME = "file:";

export interface FolderPlace {
  /** Absolute. */
  readonly path: string;
  /** Of base/file-stamp.ts. */
  readonly stamp: string;
}

export function folderUrl({ path, stamp }: FolderPlace): string {
  assert(!stamp.includes(" "), `a stamp with a space: ${stamp}`);
  return `${SCHEME}${stamp} ${path}`;
}

export function isFolderUrl(url: string): boolean {
  return url.startsWith(SCHEME);
}

export function parseFolderUrl(url: string): FolderPlace {
  const space = url.indexOf(" ");
  assert(isFolderUrl(url) && space !== -1, `not of the folder of packages: ${url}`);
  return { stamp: url.slice(SCHEME.length, space), path: url.slice(space + 1) };
}
