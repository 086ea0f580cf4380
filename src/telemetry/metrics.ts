/**
 * Metrics snapshots: what one worker counted, as plain data that the
 * supervisor adds up. Counters on the hot path are plain numbers in typed
 * arrays; only collection reads them. What each number counts is said here
 * once; the HELP texts of prometheus.ts follow it.
 */
import type { ProcessMetrics } from "./process-metrics.ts";

/** Upper bounds of the histograms, in microseconds; a last bucket takes the rest. */
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
  /**
   * Refused by the listener, by HTTP status: 400, 408, 413, 414, 417, 431, 501, 505,
   * and 503 for connections over the limit. A request refused for its body was
   * with its function already, and counts there too.
   */
  readonly refusedByStatus: Readonly<Record<string, number>>;
  /** Valid requests answered without a function. */
  readonly serverAnswers: readonly ServerAnswerCount[];
  /** Several entries of one id add up: a reload leaves the runtimes it replaced. */
  readonly functions: readonly FunctionMetrics[];
}

/** router: no such path (404), a malformed one (400), a method not taken (405). */
export type AnswerSource = "router" | "static" | "cors" | "probe" | "jobs";

export interface ServerAnswerCount {
  readonly source: AnswerSource;
  /** 0 when the client left before its answer. */
  readonly status: number;
  readonly count: number;
}

export interface FunctionMetrics {
  readonly id: string;
  readonly engine: string;
  readonly lane: "thread" | "loop" | "none";
  readonly sandboxesOpen: number;
  readonly heapUsedBytes: number;
  readonly byStatus: readonly StatusMetrics[];
  /** Sandboxes opened while a call waited, preparation and build included; not those that failed to open. */
  readonly coldStarts: number;
  readonly coldStartSumUs: number;
  readonly coldStartMaxUs: number;
  /** As `latencyBuckets`. */
  readonly coldStartBuckets: readonly number[];
  /** WebAssembly: how requests get their fresh state; null before the first call and for other engines. */
  readonly startMode: string | null;
  readonly promotions: number;
  readonly demotions: number;
  /** Calls that failed with CALL_TIMEOUT, CPU_LIMIT_EXCEEDED, MEMORY_LIMIT_EXCEEDED. */
  readonly timeouts: number;
  readonly cpuTimeouts: number;
  readonly outOfMemory: number;
  readonly evictions: number;
  /** Calls that failed with any code, those above included. */
  readonly errors: number;
  readonly pool: PoolMetrics;
  /** Of its instances; null before the first call and for other engines. */
  readonly process: ProcessMetrics | null;
}

export interface StatusMetrics {
  /** 0 when the client left before its answer. */
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
  /** Calls that found no place free when they came, whether a later one was theirs or not. */
  readonly exhausted: number;
  /** Waits that ended, by a place or by the refusal; a call that found one free did not wait. */
  readonly waitCount: number;
  readonly waitSumUs: number;
  readonly waitMaxUs: number;
  /** Calls that had a place and gave it back. */
  readonly execCount: number;
  readonly execSumUs: number;
  readonly execMaxUs: number;
}
