/**
 * Keeps the folder of prepared modules bounded: entries longest unused go first,
 * each whole. What is in use is touched when it is found (prepared-facts.ts);
 * young ones are spared, because somebody may have just been told of them.
 */
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { HOUR_MS, MIB } from "../../../base/units.ts";
import { factsFile, preparedFolder } from "./prepared-facts.ts";

export interface PreparedLimits {
  readonly bytesMax: number;
  readonly entryMaxCount: number;
  readonly spareYoungerThanMs: number;
}

const LIMITS: PreparedLimits = { bytesMax: 512 * MIB, entryMaxCount: 4_000, spareYoungerThanMs: HOUR_MS };

export async function sweepPrepared(dataDir: string, limits = LIMITS): Promise<void> {
  const root = preparedFolder(dataDir);
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
