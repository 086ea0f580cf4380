/**
 * Lock capability: one holder at a time among all functions and processes of
 * this data folder, for as long as its lease lasts. A holder that stalls past its
 * lease can still write: give the token along with the write, and refuse a lower one.
 */
import { ok } from "../base/result.ts";
import { HOUR_MS, MINUTE_MS } from "../base/units.ts";
import type { LockCapability } from "./capabilities.ts";
import type { CapabilityBase } from "./capability-host.ts";
import { checkedKey, checkedNumber } from "./check-arguments.ts";

export const LOCK_TTL_MIN_MS = 10;
export const LOCK_TTL_MAX_MS = 24 * HOUR_MS;
export const LOCK_WAIT_MAX_MS = 5 * MINUTE_MS;
const ASK_AGAIN_MIN_MS = 10;
const ASK_AGAIN_MAX_MS = 250;

export function lockCapability({ store, waiters, allowed, attempt }: CapabilityBase): LockCapability {
  const { client } = store;
  const nameOf = (namespace: string | null, key: string): string => `${allowed("lock", namespace)}\0${checkedKey(key).toString("utf8")}`;
  const ttlOf = (ttlMs: unknown): number => checkedNumber(ttlMs, "ttlMs", LOCK_TTL_MIN_MS, LOCK_TTL_MAX_MS);
  const tokenOf = (token: unknown): number => checkedNumber(token, "token", 1, Number.MAX_SAFE_INTEGER);
  return {
    acquire: (namespace, key, options) =>
      attempt(async () => {
        const name = nameOf(namespace, key);
        const ttlMs = ttlOf(options?.ttlMs);
        const endsAtMs = performance.now() + checkedNumber(options.waitMs ?? 0, "waitMs", 0, LOCK_WAIT_MAX_MS);
        for (let askAgainMs = ASK_AGAIN_MIN_MS; ; askAgainMs = Math.min(askAgainMs * 2, ASK_AGAIN_MAX_MS)) {
          const lease = await client.run("lock", "", "acquire", Buffer.from(name), ttlMs);
          if (options.signal?.aborted === true) {
            // Nobody would release it.
            if (lease.ok && lease.value !== null) await client.run("lock", "", "release", Buffer.from(name), lease.value.token);
            return ok(null);
          }
          const leftMs = endsAtMs - performance.now();
          if (!lease.ok || lease.value !== null || leftMs <= 0) return lease;
          await waiters.wait(name, Math.min(askAgainMs, leftMs));
        }
      }),
    renew: (namespace, key, token, ttlMs) =>
      attempt(async () => client.run("lock", "", "renew", Buffer.from(nameOf(namespace, key)), tokenOf(token), ttlOf(ttlMs))),
    release: (namespace, key, token) =>
      attempt(async () => {
        const name = nameOf(namespace, key);
        const released = await client.run("lock", "", "release", Buffer.from(name), tokenOf(token));
        if (released.ok) waiters.wakeFirst(name);
        return released;
      }),
  };
}
