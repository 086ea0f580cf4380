/**
 * Local backend: a file for each content, below the store's folder. A file
 * comes to its place complete and written through, by a link that refuses to
 * replace anything: what somebody else put there stays. After a power cut every
 * file that was acknowledged is there; what was under way may be there or not.
 */
import { link as linkFile, lstat, mkdir, open, rename, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fail, ok, type Result } from "../../base/result.ts";
import type { StoreFault } from "../store-fault.ts";
import { digestOf } from "./content-digest.ts";
import { errorCode, guarded, removeFile } from "./content-fault.ts";
import { filePlace, otherFilePlace } from "./content-places.ts";
import type { ContentBackend, ContentReader, PlacedContent } from "./content-store.ts";
import { openFileReader } from "./file-reader.ts";

/** File systems without links: what a rename would replace there was looked for just before. */
const WITHOUT_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

/** Gone, a link in its place, or something else in its folder's. */
const NOT_THERE = new Set(["ENOENT", "ELOOP", "ENOTDIR"]);

export type Link = (existing: string, path: string) => Promise<void>;

export class LocalBackend implements ContentBackend {
  readonly isShared = false;
  readonly isRechecked = true;
  readonly #dir: string;
  readonly #link: Link;

  /** `link` for tests: few machines have a file system without links. */
  constructor(dir: string, link: Link = linkFile) {
    this.#dir = dir;
    this.#link = link;
  }

  async choosePlace(sha256: string): Promise<Result<string, StoreFault>> {
    const place = filePlace(sha256);
    return guarded(`Cannot look at ${join(this.#dir, place)}`, async () =>
      (await exists(join(this.#dir, place))) ? otherFilePlace(sha256) : place,
    );
  }

  async adopt({ place, sizeBytes }: PlacedContent, partialPath: string): Promise<Result<boolean, StoreFault>> {
    const path = join(this.#dir, place);
    const written = await guarded(`Cannot write ${partialPath} through`, () => syncedSize(partialPath));
    if (!written.ok) return written;
    if (written.value !== sizeBytes) {
      const message = `Cannot keep ${partialPath}: it has ${written.value} bytes where ${sizeBytes} were written. Something else changes files there`;
      return fail({ code: "STORAGE_FAILED", message });
    }
    return guarded(`Cannot keep ${path}`, async () => {
      if (!(await this.#placed(path, partialPath))) return false;
      try {
        await syncFolder(dirname(path));
      } catch (error) {
        await unlink(path).catch(() => {});
        throw error;
      }
      return true;
    });
  }

  async hasArrived(content: PlacedContent): Promise<Result<boolean, StoreFault>> {
    const opened = await this.open(content);
    if (!opened.ok) return opened;
    const reader = opened.value;
    if (reader === null) return ok(false);
    try {
      const digest = await digestOf(reader, 0, reader.sizeBytes);
      return digest.ok ? ok(digest.value === content.sha256) : digest;
    } finally {
      await reader.close();
    }
  }

  open({ place, sizeBytes }: PlacedContent): Promise<Result<ContentReader | null, StoreFault>> {
    const path = join(this.#dir, place);
    return guarded(`Cannot open ${path}`, async () => {
      try {
        return await openFileReader(path, ({ size }) => size === sizeBytes);
      } catch (error) {
        if (NOT_THERE.has(errorCode(error))) return null;
        throw error;
      }
    });
  }

  async lookUp(): Promise<Result<null, StoreFault>> {
    return ok(null);
  }

  /** A file that is open outlives its name. */
  released(): null {
    return null;
  }

  remove(place: string): Promise<Result<void, StoreFault>> {
    const path = join(this.#dir, place);
    return guarded(`Cannot remove ${path}`, () => removeFile(path));
  }

  move(place: string, to: string): Promise<Result<boolean, StoreFault>> {
    const path = join(this.#dir, place);
    return guarded(`Cannot move ${path} to ${to}`, async () => {
      await makeFolder(dirname(join(this.#dir, to)));
      try {
        await rename(path, join(this.#dir, to));
        return true;
      } catch (error) {
        if (errorCode(error) !== "ENOENT") throw error;
        return false;
      }
    });
  }

  async abandon(): Promise<Result<void, StoreFault>> {
    return ok(undefined);
  }

  async close(): Promise<void> {}

  /** False when something is there. */
  async #placed(path: string, partialPath: string): Promise<boolean> {
    for (let isFolderMade = false; ; isFolderMade = true) {
      try {
        await this.#link(partialPath, path);
        return true;
      } catch (error) {
        const code = errorCode(error);
        if (code === "EEXIST") return false;
        const isWithoutLinks = WITHOUT_LINKS.has(code);
        if (!isWithoutLinks && (code !== "ENOENT" || isFolderMade)) throw error;
        await makeFolder(dirname(path));
        if (!isWithoutLinks) continue;
        await rename(partialPath, path);
        return true;
      }
    }
  }
}

/** Written through: else a power cut could take the folder with all that was acknowledged in it. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if (errorCode(error) === "EEXIST") return;
    if (errorCode(error) !== "ENOENT" || dirname(folder) === folder) throw error;
    await makeFolder(dirname(folder));
    await mkdir(folder);
  }
  await syncFolder(dirname(folder));
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw error;
  }
}

async function syncedSize(path: string): Promise<number> {
  const handle = await open(path, "r+");
  try {
    await handle.sync();
    return (await handle.stat()).size;
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
