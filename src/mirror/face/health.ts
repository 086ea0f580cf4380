/**
 * Health: is the mirror able to serve, and what is the state of its parts. The
 * fields that groxpi's answer has are there under the same names.
 */
import { shownAddress } from "../../base/shown-address.ts";
import { version } from "../../base/version.ts";
import type { IndexConfig } from "../../config/mirror-config.ts";
import type { MirrorParts } from "../mirror-parts.ts";

export interface HealthOptions {
  readonly startedAtMs: number;
  readonly nowMs: number;
}

export function healthOf({ config, counters, store, upstream }: MirrorParts, { startedAtMs, nowMs }: HealthOptions): object {
  const { fileCount, sizeBytes, quarantinedCount } = store.totals;
  const answers = Object.values(counters.byKind);
  const hits = answers.reduce((sum, { hit, revalidated, stale }) => sum + hit + revalidated + stale, 0);
  const misses = answers.reduce((sum, { miss }) => sum + miss, 0);
  return {
    status: "success",
    timestamp: Math.floor(nowMs / 1_000),
    data: {
      version: version(),
      uptime_seconds: Math.floor((nowMs - startedAtMs) / 1_000),
      index_url: shownUrl(config.indexes[0]),
      index_ttl_seconds: (config.indexes[0]?.ttlMs ?? 0) / 1_000,
      indices: upstream.health().map(({ index, failuresInARow, lastFailure, lastSuccessAtMs }) => ({
        name: index,
        url: shownUrl(config.indexes.find(({ name }) => name === index)),
        up: lastFailure === null,
        failures_in_a_row: failuresInARow,
        last_failure: lastFailure?.code ?? null,
        last_success: lastSuccessAtMs === null ? null : Math.floor(lastSuccessAtMs / 1_000),
      })),
      offline: config.upstream.offline,
      storage_type: config.storage.kind,
      cache_size: config.cacheMaxBytes,
      cache_used: sizeBytes,
      cache_files: fileCount,
      quarantined: quarantinedCount,
      hit_ratio: hits + misses === 0 ? null : hits / (hits + misses),
    },
  };
}

function shownUrl(index: IndexConfig | undefined): string | null {
  return index === undefined ? null : shownAddress(index.url);
}
