/**
 * Freshness: may what an index said before answer without asking it again?
 * Pure rules after RFC 9111 section 4: the lifetime is the operator's (the
 * index's TTL, or that of "no such project"), never upstream's cache-control:
 * private indexes forbid caching, and a mirror is for just that.
 * Must not read the clock, the disk or the network.
 */
import type { IndexConfig, UpstreamConfig } from "../../config/mirror-config.ts";

export interface KeptState {
  /** False where the index said that it has none. */
  readonly isPage: boolean;
  /** When the index last said or confirmed it. */
  readonly checkedAtMs: number;
  /** Somebody asked for it to be fetched anew. It still answers while the index fails. */
  readonly isForgotten: boolean;
  readonly etag: string | null;
  readonly lastModified: string | null;
}

export interface FreshnessRules {
  /** 0 asks every time. */
  readonly ttlMs: number;
  readonly negativeTtlMs: number;
  readonly staleIfErrorMs: number;
}

export function rulesOf({ ttlMs }: IndexConfig, { negativeTtlMs, staleIfErrorMs }: UpstreamConfig): FreshnessRules {
  return { ttlMs, negativeTtlMs, staleIfErrorMs };
}

export type Plan =
  | { readonly do: "serve"; readonly freshForMs: number }
  /** It is still believed that the index has none. */
  | { readonly do: "negative"; readonly freshForMs: number }
  | { readonly do: "revalidate" }
  | { readonly do: "fetch" };

const FETCH: Plan = { do: "fetch" };
const REVALIDATE: Plan = { do: "revalidate" };

export function plan(kept: KeptState | null, rules: FreshnessRules, nowMs: number): Plan {
  if (kept === null) return FETCH;
  const freshForMs = remainingMs(kept, rules, nowMs);
  if (freshForMs > 0) return { do: kept.isPage ? "serve" : "negative", freshForMs };
  const hasValidator = kept.etag !== null || kept.lastModified !== null;
  // A 304 to a validator would confirm the very thing that somebody wants replaced.
  return kept.isPage && hasValidator && !kept.isForgotten ? REVALIDATE : FETCH;
}

/** How much longer it is fresh; 0 when it no longer is. */
export function remainingMs(kept: KeptState, rules: FreshnessRules, nowMs: number): number {
  const ageMs = nowMs - kept.checkedAtMs;
  // From the future: the clock was put back. Believed, it would be fresh until the clock has caught up, a year perhaps.
  if (kept.isForgotten || ageMs < 0) return 0;
  return Math.max(0, lifetimeMs(kept, rules) - ageMs);
}

/** May it answer while its index fails? An age below zero says nothing, and an outage is no time to be strict. */
export function mayServeStale(kept: KeptState, rules: FreshnessRules, nowMs: number): boolean {
  return nowMs - kept.checkedAtMs <= lifetimeMs(kept, rules) + rules.staleIfErrorMs;
}

function lifetimeMs(kept: KeptState, rules: FreshnessRules): number {
  return kept.isPage ? rules.ttlMs : rules.negativeTtlMs;
}
