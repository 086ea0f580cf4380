/**
 * Key-value capability: small values under a key, with an end if wanted. What is
 * larger than a value may be belongs in a blob.
 */

import { ok } from "../base/result.ts";
import { DAY_MS, MIB } from "../base/units.ts";
import { cursorOf } from "../store/key-range.ts";
import type { KvCapability } from "./capabilities.ts";
import type { CapabilityBase } from "./capability-host.ts";
import { checkedBytes, checkedKey, checkedNumber, checkedRange } from "./check-arguments.ts";

/** Read on the event loop: about a millisecond for this. */
export const KV_VALUE_MAX_BYTES = 2 * MIB;
export const KV_TTL_MAX_MS = 3_660 * DAY_MS;

export function kvCapability({ store, allowed, attempt }: CapabilityBase): KvCapability {
  return {
    get: (namespace, key) => attempt(async () => store.kv.get(allowed("kv", namespace), checkedKey(key))),
    put: (namespace, key, value, { ttlMs } = {}) =>
      attempt(async (hold) =>
        store.kv.put(
          allowed("kv", namespace),
          checkedKey(key),
          checkedBytes(value, "a value", KV_VALUE_MAX_BYTES, hold),
          ttlMs === undefined ? null : checkedNumber(ttlMs, "ttlMs", 1, KV_TTL_MAX_MS),
        ),
      ),
    delete: (namespace, key) => attempt(async () => store.kv.delete(allowed("kv", namespace), checkedKey(key))),
    list: (namespace, options = {}) =>
      attempt(async () => {
        const name = allowed("kv", namespace);
        const range = checkedRange(options);
        const found = await store.kv.list(name, range);
        if (!found.ok) return found;
        const isMore = found.value.length === range.limit;
        const rows = isMore ? found.value.slice(0, -1) : found.value;
        const keys = rows.map(({ key, expiresAtMs }) => ({ key: Buffer.from(key).toString("utf8"), expiresAtMs }));
        return ok({ keys, cursor: isMore ? cursorOf(rows.at(-1)!.key) : null });
      }),
  };
}
