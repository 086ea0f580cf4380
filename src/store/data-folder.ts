/**
 * Data folder: made, and proved usable, before anything relies on it. What
 * would otherwise be a stack from somewhere deep (a file in its place, a
 * read-only or full disk) becomes one failure that names the folder.
 * Synchronous, and imports next to nothing: the first worker is forked right after it.
 */
import { closeSync, mkdirSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Failure } from "../base/result.ts";

/** A page: a disk may take a name, which costs it nothing, and refuse the first byte. */
const PROBE = Buffer.alloc(4096);

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EROFS: "its file system is read-only",
  EACCES: "no permission to write there",
  EPERM: "no permission to write there",
  ENOTDIR: "a file stands where a folder is needed",
  ENOENT: "nothing can be created there",
  EIO: "the disk reports an error",
};

/** What the folder is to the operator, and how another one is given. */
export interface FolderWords {
  readonly code: string;
  readonly name: string;
  readonly alternative: string;
}

const DATA_FOLDER: FolderWords = {
  code: "DATA_DIR_UNUSABLE",
  name: "data folder",
  alternative: "--data-dir DIR or PILOTLIGHT_DATA_DIR",
};

/** Null when files can be written there. */
export function prepareDataFolder(dataDir: string, words = DATA_FOLDER, mode?: number): Failure | null {
  try {
    makeFolder(dataDir, mode);
    probe(join(dataDir, `.tmp-probe-${process.pid}`));
    return null;
  } catch (error) {
    const failure = storageFailure(dataDir, error, words);
    if (failure === null) throw error;
    return failure;
  }
}

/** What the operator should know of an error of the file system under the data folder; null for any other error. */
export function storageFailure(dataDir: string, error: unknown, { code, name, alternative }: FolderWords = DATA_FOLDER): Failure | null {
  const reason = REASONS[(error as NodeJS.ErrnoException | null)?.code ?? ""];
  if (reason === undefined) return null;
  const hint = reason.startsWith("the disk") ? "Free some space" : "Make it writable";
  return {
    code,
    message: `Cannot write to the ${name} ${dataDir}: ${reason}`,
    hint: `${hint}, or give another folder with ${alternative}`,
  };
}

/** Throws the file system's error. Not mkdir's own `recursive`: below /proc, where nothing can be made, that never returns. `mode` is that of the last one, if it is made here. */
export function makeFolder(folder: string, mode?: number): void {
  if (isFolder(folder)) return;
  try {
    makeOne(folder, mode);
  } catch (error) {
    const parent = dirname(folder);
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || parent === folder) throw error;
    makeFolder(parent);
    makeOne(folder, mode);
  }
}

function makeOne(folder: string, mode?: number): void {
  try {
    mkdirSync(folder, { mode: mode ?? 0o777 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    // Another process may have made it meanwhile.
    if (!isFolder(folder)) throw Object.assign(new Error(`${folder} is not a folder`), { code: "ENOTDIR" });
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function probe(file: string): void {
  const descriptor = openSync(file, "w", 0o600);
  try {
    // Its name goes first: a death meanwhile leaves nothing.
    rmSync(file, { force: true });
    writeSync(descriptor, PROBE);
  } finally {
    closeSync(descriptor);
  }
}
