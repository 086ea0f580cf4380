/**
 * Blob capability: files under a key, in buckets. A blob is read and written as
 * a whole.
 */

import { ok } from "../base/result.ts";
import { MIB } from "../base/units.ts";
import type { BlobRow } from "../store/blob-table.ts";
import { cursorOf } from "../store/key-range.ts";
import type { BlobCapability, BlobFacts } from "./capabilities.ts";
import type { CapabilityBase } from "./capability-host.ts";
import { checkedBytes, checkedKey, checkedRange, checkedText } from "./check-arguments.ts";

export const BLOB_MAX_BYTES = 64 * MIB;
const CONTENT_TYPE_MAX_LENGTH = 256;

export function blobCapability({ store, allowed, attempt }: CapabilityBase): BlobCapability {
  return {
    get: (bucket, key) =>
      attempt(async (hold) => {
        const name = allowed("blob", bucket);
        const bytes = checkedKey(key);
        const facts = await store.blobs.head(name, bytes);
        if (facts.ok) hold(facts.value?.sizeBytes ?? 0);
        const found = await store.blobs.get(name, bytes);
        if (!found.ok || found.value === null) return found.ok ? ok(null) : found;
        return ok({ ...factsOf(found.value), bytes: found.value.bytes });
      }),
    head: (bucket, key) =>
      attempt(async () => {
        const found = await store.blobs.head(allowed("blob", bucket), checkedKey(key));
        return found.ok ? ok(found.value === null ? null : factsOf(found.value)) : found;
      }),
    put: (bucket, key, bytes, { contentType } = {}) =>
      attempt(async (hold) => {
        const name = allowed("blob", bucket);
        const type = contentType === undefined ? null : checkedText(contentType, "contentType", CONTENT_TYPE_MAX_LENGTH);
        const written = await store.blobs.put(name, checkedKey(key), checkedBytes(bytes, "a blob", BLOB_MAX_BYTES, hold), type);
        return written.ok ? ok(factsOf(written.value)) : written;
      }),
    delete: (bucket, key) => attempt(async () => store.blobs.delete(allowed("blob", bucket), checkedKey(key))),
    list: (bucket, options = {}) =>
      attempt(async () => {
        const name = allowed("blob", bucket);
        const range = checkedRange(options);
        const found = await store.blobs.list(name, range);
        if (!found.ok) return found;
        const isMore = found.value.length === range.limit;
        const rows = isMore ? found.value.slice(0, -1) : found.value;
        return ok({ keys: rows.map(factsOf), cursor: isMore ? cursorOf(rows.at(-1)!.key) : null });
      }),
  };
}

function factsOf({ key, sizeBytes, sha256, contentType, writtenAtMs }: BlobRow): BlobFacts {
  return { key: Buffer.from(key).toString("utf8"), sizeBytes, sha256, contentType, writtenAtMs };
}
