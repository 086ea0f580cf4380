/** env.LOCK: leases that hold among all functions, workers and servers of one data folder. */
import { ask, named } from "./capability.ts";

const TTL_MS = 30_000;

interface LockOptions {
  /** After which the lock is free again, whatever became of its holder. */
  readonly ttlMs?: number;
  /** How long to wait for it. */
  readonly waitMs?: number;
}

interface RawLease {
  readonly token: number;
  readonly expiresAtMs: number;
}

export const lock = named((name) => {
  const acquire = async (key: string, { ttlMs = TTL_MS, waitMs = 0 }: LockOptions = {}) => {
    const raw = (await ask("lock.acquire", name, key, ttlMs, waitMs)) as RawLease | null;
    if (raw === null) return null;
    const release = async (): Promise<boolean> => (await ask("lock.release", name, key, raw.token)) as boolean;
    const lease = {
      token: raw.token,
      expiresAt: new Date(raw.expiresAtMs),
      /** False when it had ended: what it protected may be another's. */
      async renew(renewedTtlMs = ttlMs) {
        const renewed = (await ask("lock.renew", name, key, raw.token, renewedTtlMs)) as RawLease | null;
        if (renewed !== null) lease.expiresAt = new Date(renewed.expiresAtMs);
        return renewed !== null;
      },
      release,
      async [Symbol.asyncDispose]() {
        await release();
      },
    };
    return lease;
  };
  return { acquire };
});
