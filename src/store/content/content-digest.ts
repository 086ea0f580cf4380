/**
 * Content digest: what a reader's bytes hash to, piece by piece, at the pace of
 * the caller. A piece of 256 KiB takes the event loop 0.1 to 0.6 ms; to pass it
 * to a thread would take as long.
 */
import { builtin } from "../../base/builtin.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import { StoreError, type StoreFault } from "../store-fault.ts";
import type { ContentReader } from "./content-store.ts";

/** Called after each piece; false ends it. */
export type Pace = (bytes: number) => Promise<boolean>;

/** Of the bytes from `start` to before `end`. Null when `pace` ended it. */
export async function digestOf(reader: ContentReader, start: number, end: number, pace?: Pace): Promise<Result<string | null, StoreFault>> {
  const hash = builtin.crypto.createHash("sha256");
  try {
    for await (const chunk of reader.stream(start, end)) {
      hash.update(chunk);
      if (pace !== undefined && !(await pace(chunk.length))) return ok(null);
    }
  } catch (error) {
    if (error instanceof StoreError) return fail(error.fault);
    throw error;
  }
  return ok(hash.digest("hex"));
}
