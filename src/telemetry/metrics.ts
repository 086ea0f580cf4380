/**
 * Metrics snapshots: what one worker counted, as plain data that the
 * supervisor adds up. Counters on the hot path are plain numbers in typed
 * arrays; only collection reads them.
 */

/** Upper bounds of the latency histogram, in microseconds; a last bucket takes the rest. */
export const LATENCY_BUCKET_BOUNDS_US: readonly number[] = [
  25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
  10_000_000, 30_000_000,
];

export interface MetricsSnapshot {
  readonly pid: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly gcCount: number;
  readonly gcPauseSumUs: number;
  readonly connectionsOpen: number;
  readonly connectionsTotal: number;
  /** Requests refused before a function was found, by HTTP status: 400, 404, 408, 413, 414, 431, 503. */
  readonly refusedByStatus: Readonly<Record<string, number>>;
  readonly functions: readonly FunctionMetrics[];
}

export interface FunctionMetrics {
  readonly id: string;
  readonly engine: string;
  readonly lane: "thread" | "loop" | "none";
  readonly sandboxesOpen: number;
  readonly heapUsedBytes: number;
  readonly byStatus: readonly StatusMetrics[];
  readonly coldStarts: number;
  readonly coldStartSumUs: number;
  readonly coldStartMaxUs: number;
  readonly promotions: number;
  readonly demotions: number;
  readonly timeouts: number;
  readonly cpuTimeouts: number;
  readonly outOfMemory: number;
  readonly evictions: number;
  readonly errors: number;
  readonly pool: PoolMetrics;
}

export interface StatusMetrics {
  readonly status: number;
  readonly count: number;
  readonly latencySumUs: number;
  /** One count per bound of LATENCY_BUCKET_BOUNDS_US, then the rest; not cumulative. */
  readonly latencyBuckets: readonly number[];
}

export interface PoolMetrics {
  readonly inUse: number;
  readonly size: number;
  readonly waiting: number;
  readonly exhausted: number;
  readonly waitCount: number;
  readonly waitSumUs: number;
  readonly waitMaxUs: number;
  readonly execCount: number;
  readonly execSumUs: number;
  readonly execMaxUs: number;
}
