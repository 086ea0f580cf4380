/** A file of the folder of packages, read from where it lies: somebody else's, who may take it away at any time. */
import { fail, ok, type Result } from "../../base/result.ts";
import type { ContentReader } from "../../store/content/content-store.ts";
import { openFileReader } from "../../store/content/file-reader.ts";
import { type StoreFault, storeFault } from "../../store/store-fault.ts";

/** Null when there is no file of that size: it was taken away, or replaced since its page was made. */
export async function openFolderFile(path: string, sizeBytes: number): Promise<Result<ContentReader | null, StoreFault>> {
  try {
    return ok(await openFileReader(path, sizeBytes));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return ok(null);
    const fault = storeFault(`Cannot read ${path}`, error);
    if (fault === null) throw error;
    return fail(fault);
  }
}
