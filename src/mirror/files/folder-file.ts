/**
 * A file of the folder of packages, read from where it lies: somebody else's,
 * who may take it away or write another in its place at any time. What is sent
 * under a hash is the file whose hash it is.
 */
import { stampOf } from "../../base/file-stamp.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import type { ContentReader } from "../../store/content/content-store.ts";
import { openFileReader } from "../../store/content/file-reader.ts";
import { type StoreFault, storeFault } from "../../store/store-fault.ts";
import type { FolderPlace } from "../packages/folder-url.ts";

/** "changed": another than the one that was looked at, which whoever asks again is told of. */
export async function openFolderFile({ path, stamp }: FolderPlace): Promise<Result<ContentReader | "gone" | "changed", StoreFault>> {
  try {
    return ok((await openFileReader(path, (stats) => stampOf(stats) === stamp)) ?? "changed");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return ok("gone");
    const fault = storeFault(`Cannot read ${path}`, error);
    if (fault === null) throw error;
    return fail(fault);
  }
}
