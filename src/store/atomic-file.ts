/**
 * Atomic files: a reader sees the old content or the new, never a part, even
 * when the writer is killed between any two steps or two writers race. The
 * temporary file lies in the target's own folder, because a rename is atomic
 * only within one file system.
 */
import { constants, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Files left by a killed writer begin with this; whoever sweeps the folder may delete old ones. */
const TEMPORARY_PREFIX = ".tmp-";

/**
 * Written through to the disk: else a power cut may leave the new name on an
 * empty file. Not by fsync, which Node's permission model refuses to workers.
 */
const CREATE_THROUGH = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_SYNC;

/** Writes `content` to `path`; throws the file system's error and leaves no temporary file then. */
export async function writeFileAtomic(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `${TEMPORARY_PREFIX}${Math.random().toString(36).slice(2, 12)}-${basename(path).slice(0, 64)}`);
  try {
    const handle = await open(temporary, CREATE_THROUGH);
    try {
      await handle.writeFile(content);
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
