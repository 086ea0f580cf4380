/** A file of the folder of packages, read from where it lies: somebody else's, who may take it away at any time. */
import { open } from "node:fs/promises";
import { fail, ok, type Result } from "../../base/result.ts";
import type { ContentReader } from "../../store/content/content-store.ts";
import { type StoreFault, storeFault } from "../../store/store-fault.ts";

export async function openFolderFile(path: string): Promise<Result<ContentReader, StoreFault>> {
  try {
    const handle = await open(path, "r");
    const { size } = await handle.stat();
    const reader: ContentReader = {
      sizeBytes: size,
      fd: handle.fd,
      stream: (start, end) => handle.createReadStream({ start, end: end - 1, autoClose: false }),
      close: () => handle.close(),
    };
    return ok(reader);
  } catch (error) {
    const fault = storeFault(`Cannot read ${path}`, error);
    if (fault === null) throw error;
    return fail(fault);
  }
}
