/**
 * Keeps the folders of built and of prepared modules bounded: entries longest
 * unused go first, each whole. What is in use is touched (modules-in-use.ts);
 * young ones are spared, because somebody may have just been told of them.
 */
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { HOUR_MS, MIB } from "../../../base/units.ts";
import { keepModulesYoung } from "../modules-in-use.ts";
import { factsFile, preparedFolder } from "./prepared-facts.ts";

export interface SweepLimits {
  readonly bytesMax: number;
  readonly entryMaxCount: number;
  readonly spareYoungerThanMs: number;
}

const LIMITS: SweepLimits = { bytesMax: 512 * MIB, entryMaxCount: 4_000, spareYoungerThanMs: HOUR_MS };

/** Listing a folder costs more than writing a small module: the bound of built ones may be passed by this much. */
const UNSWEPT_MAX_BYTES = 64 * MIB;
/** What an entry counts for at least, so that tiny ones are swept in time, too. */
const UNSWEPT_ENTRY_BYTES = MIB / 4;

/** The first that is written sweeps what the processes before left. */
let unsweptBytes = UNSWEPT_MAX_BYTES;

export async function sweepPrepared(dataDir: string, limits = LIMITS): Promise<void> {
  await sweepModules(preparedFolder(dataDir), limits);
}

/** Called after every write; sweeps now and then. */
export async function sweepBuilt(root: string, writtenBytes: number): Promise<void> {
  unsweptBytes += Math.max(writtenBytes, UNSWEPT_ENTRY_BYTES);
  if (unsweptBytes < UNSWEPT_MAX_BYTES) return;
  unsweptBytes = 0;
  await sweepModules(root, LIMITS);
}

export async function sweepModules(root: string, limits: SweepLimits): Promise<void> {
  // The machine may have slept, and nobody touched them meanwhile.
  await keepModulesYoung();
  const entries = (await Promise.all((await readdir(root)).map((name) => entryOf(join(root, name))))).filter((entry) => entry !== null);
  let count = entries.length;
  let bytes = entries.reduce((sum, entry) => sum + entry.sizeBytes, 0);
  const sparedSinceMs = Date.now() - limits.spareYoungerThanMs;
  for (const { folder, usedAtMs, sizeBytes } of entries.sort((a, b) => a.usedAtMs - b.usedAtMs)) {
    if ((count <= limits.entryMaxCount && bytes <= limits.bytesMax) || usedAtMs > sparedSinceMs) return;
    await rm(folder, { recursive: true, force: true });
    count--;
    bytes -= sizeBytes;
  }
}

async function entryOf(folder: string): Promise<{ folder: string; usedAtMs: number; sizeBytes: number } | null> {
  try {
    const files = await Promise.all((await readdir(folder)).map((name) => stat(join(folder, name))));
    // A child that was killed leaves no facts: then the folder tells its age.
    const { mtimeMs } = await stat(factsFile(folder)).catch(() => stat(folder));
    return { folder, usedAtMs: mtimeMs, sizeBytes: files.reduce((sum, { size }) => sum + size, 0) };
  } catch {
    return null;
  }
}
