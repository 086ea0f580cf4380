/**
 * Keeps the bundle folder bounded: the files longest unused go first. What is
 * in use is touched by the cache, and young files are spared whatever the size,
 * because another process may be about to read what it has just been told of.
 */
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { HOUR_MS, MIB } from "../../base/units.ts";

export interface SweepLimits {
  readonly bytesMax: number;
  readonly fileMaxCount: number;
  readonly spareYoungerThanMs: number;
}

/** Four files to a bundle: code, map, V8's cache and the index entry. */
const LIMITS: SweepLimits = { bytesMax: 512 * MIB, fileMaxCount: 40_000, spareYoungerThanMs: HOUR_MS };
/** Listing the folder costs more than a write; the bound may be passed by this many bundles. */
const WRITES_PER_SWEEP = 256;

let writeCount = 0;

/** Called after every write; sweeps now and then. */
export async function sweepBundles(cacheDir: string): Promise<void> {
  if (writeCount++ % WRITES_PER_SWEEP === 0) await sweepFolder(join(cacheDir, "bundles"), LIMITS);
}

export async function sweepFolder(folder: string, limits: SweepLimits): Promise<void> {
  const files: { path: string; mtimeMs: number; sizeBytes: number }[] = [];
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => null);
    if (found?.isFile()) files.push({ path, mtimeMs: found.mtimeMs, sizeBytes: found.size });
  }
  let count = files.length;
  let bytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const sparedSinceMs = Date.now() - limits.spareYoungerThanMs;
  for (const file of files.sort((a, b) => a.mtimeMs - b.mtimeMs)) {
    if ((count <= limits.fileMaxCount && bytes <= limits.bytesMax) || file.mtimeMs > sparedSinceMs) return;
    await rm(file.path, { force: true });
    count--;
    bytes -= file.sizeBytes;
  }
}
