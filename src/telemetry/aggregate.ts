/**
 * Aggregate: adds up what the workers counted. Pure. Counters of workers that
 * are gone stay in the sums, because a counter that falls reads as a restart
 * of the whole server; their gauges (what is open or in use) went with them.
 */
import {
  type FunctionMetrics,
  LATENCY_BUCKET_BOUNDS_US,
  type MetricsSnapshot,
  type PoolMetrics,
  type ServerAnswerCount,
  type StatusMetrics,
} from "./metrics.ts";
import { addProcessMetrics, type ProcessMetrics, withoutInstances } from "./process-metrics.ts";

export interface FunctionTotals {
  readonly id: string;
  readonly engine: string;
  /** How many workers run it in which lane. */
  readonly lanes: Readonly<Record<"thread" | "loop", number>>;
  readonly metrics: FunctionMetrics;
}

export interface Totals {
  readonly gcCount: number;
  readonly gcPauseSumUs: number;
  readonly connectionsOpen: number;
  readonly connectionsTotal: number;
  readonly refusedByStatus: Readonly<Record<string, number>>;
  readonly serverAnswers: readonly ServerAnswerCount[];
  /** In the order of their ids. */
  readonly functions: readonly FunctionTotals[];
}

export function totalsOf(snapshots: readonly MetricsSnapshot[]): Totals {
  return {
    gcCount: sum(snapshots, (one) => one.gcCount),
    gcPauseSumUs: sum(snapshots, (one) => one.gcPauseSumUs),
    connectionsOpen: sum(snapshots, (one) => one.connectionsOpen),
    connectionsTotal: sum(snapshots, (one) => one.connectionsTotal),
    refusedByStatus: sumRecords(snapshots.map((one) => one.refusedByStatus)),
    serverAnswers: sumAnswers(snapshots.flatMap((one) => one.serverAnswers)),
    functions: totalsByFunction(snapshots.flatMap((one) => one.functions)),
  };
}

/** What remains of a worker that is gone, joined to what remained of earlier ones. */
export function bury(departed: MetricsSnapshot | null, last: MetricsSnapshot): MetricsSnapshot {
  const totals = totalsOf(departed === null ? [last] : [departed, last]);
  return {
    pid: 0,
    residentBytes: 0,
    heapUsedBytes: 0,
    gcCount: totals.gcCount,
    gcPauseSumUs: totals.gcPauseSumUs,
    connectionsOpen: 0,
    connectionsTotal: totals.connectionsTotal,
    refusedByStatus: totals.refusedByStatus,
    serverAnswers: totals.serverAnswers,
    functions: totals.functions.map(({ metrics }) => withoutGauges(metrics)),
  };
}

/** What remains of functions, or runtimes of them, that are gone: one entry for each id. */
export function buryFunctions(parts: readonly FunctionMetrics[]): FunctionMetrics[] {
  return totalsByFunction(parts).map(({ metrics }) => withoutGauges(metrics));
}

/** Upper estimate by linear interpolation inside the bucket, as Prometheus' histogram_quantile does; null without calls. */
export function quantileUs(buckets: readonly number[], quantile: number): number | null {
  const count = buckets.reduce((left, right) => left + right, 0);
  if (count === 0) return null;
  const rank = quantile * count;
  let below = 0;
  for (const [index, inBucket] of buckets.entries()) {
    if (below + inBucket >= rank && inBucket > 0) {
      const lower = LATENCY_BUCKET_BOUNDS_US[index - 1] ?? 0;
      // The last bucket has no upper bound: its lower one is all that is known.
      const upper = LATENCY_BUCKET_BOUNDS_US[index] ?? lower;
      return lower + (upper - lower) * ((rank - below) / inBucket);
    }
    below += inBucket;
  }
  return LATENCY_BUCKET_BOUNDS_US.at(-1)!;
}

/** The latency histogram of a function over all statuses. */
export function allLatencies(metrics: FunctionMetrics): number[] {
  return sumArrays(metrics.byStatus.map((one) => one.latencyBuckets));
}

function totalsByFunction(functions: readonly FunctionMetrics[]): FunctionTotals[] {
  const parts = Map.groupBy(functions, ({ id }) => id);
  return [...parts.keys()].sort().map((id) => functionTotals(id, parts.get(id)!));
}

function withoutGauges(metrics: FunctionMetrics): FunctionMetrics {
  return {
    ...metrics,
    lane: "none",
    sandboxesOpen: 0,
    heapUsedBytes: 0,
    pool: { ...metrics.pool, inUse: 0, size: 0, waiting: 0 },
    process: withoutInstances(metrics.process),
  };
}

function functionTotals(id: string, parts: readonly FunctionMetrics[]): FunctionTotals {
  const lanes = { thread: 0, loop: 0 };
  for (const { lane } of parts) if (lane !== "none") lanes[lane]++;
  const lane = lanes.loop > 0 ? "loop" : lanes.thread > 0 ? "thread" : "none";
  return {
    id,
    engine: parts[0]!.engine,
    lanes,
    metrics: {
      id,
      engine: parts[0]!.engine,
      lane,
      sandboxesOpen: sum(parts, (one) => one.sandboxesOpen),
      heapUsedBytes: sum(parts, (one) => one.heapUsedBytes),
      byStatus: sumStatuses(parts.flatMap((one) => one.byStatus)),
      coldStarts: sum(parts, (one) => one.coldStarts),
      coldStartSumUs: sum(parts, (one) => one.coldStartSumUs),
      coldStartMaxUs: max(parts, (one) => one.coldStartMaxUs),
      coldStartBuckets: sumArrays(parts.map((one) => one.coldStartBuckets)),
      startMode: parts.find((one) => one.startMode !== null)?.startMode ?? null,
      promotions: sum(parts, (one) => one.promotions),
      demotions: sum(parts, (one) => one.demotions),
      timeouts: sum(parts, (one) => one.timeouts),
      cpuTimeouts: sum(parts, (one) => one.cpuTimeouts),
      outOfMemory: sum(parts, (one) => one.outOfMemory),
      evictions: sum(parts, (one) => one.evictions),
      errors: sum(parts, (one) => one.errors),
      pool: sumPools(parts.map((one) => one.pool)),
      process: parts.map((one) => one.process).reduce<ProcessMetrics | null>(addProcessMetrics, null),
    },
  };
}

function sumStatuses(parts: readonly StatusMetrics[]): StatusMetrics[] {
  const byStatus = new Map<number, StatusMetrics[]>();
  for (const part of parts) byStatus.set(part.status, [...(byStatus.get(part.status) ?? []), part]);
  return [...byStatus]
    .sort(([left], [right]) => left - right)
    .map(([status, same]) => ({
      status,
      count: sum(same, (one) => one.count),
      latencySumUs: sum(same, (one) => one.latencySumUs),
      latencyBuckets: sumArrays(same.map((one) => one.latencyBuckets)),
    }));
}

function sumAnswers(parts: readonly ServerAnswerCount[]): ServerAnswerCount[] {
  const same = Map.groupBy(parts, ({ source, status }) => `${source} ${status}`);
  return [...same.values()].map((counts) => ({ ...counts[0]!, count: sum(counts, (one) => one.count) }));
}

function sumPools(pools: readonly PoolMetrics[]): PoolMetrics {
  return {
    inUse: sum(pools, (one) => one.inUse),
    size: sum(pools, (one) => one.size),
    waiting: sum(pools, (one) => one.waiting),
    exhausted: sum(pools, (one) => one.exhausted),
    waitCount: sum(pools, (one) => one.waitCount),
    waitSumUs: sum(pools, (one) => one.waitSumUs),
    waitMaxUs: max(pools, (one) => one.waitMaxUs),
    execCount: sum(pools, (one) => one.execCount),
    execSumUs: sum(pools, (one) => one.execSumUs),
    execMaxUs: max(pools, (one) => one.execMaxUs),
  };
}

function sumArrays(arrays: readonly (readonly number[])[]): number[] {
  const sums = new Array<number>(LATENCY_BUCKET_BOUNDS_US.length + 1).fill(0);
  for (const array of arrays) for (const [index, value] of array.entries()) sums[index] = (sums[index] ?? 0) + value;
  return sums;
}

function sumRecords(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const record of records) for (const [key, value] of Object.entries(record)) sums[key] = (sums[key] ?? 0) + value;
  return sums;
}

function sum<Item>(items: readonly Item[], read: (item: Item) => number): number {
  return items.reduce((total, item) => total + read(item), 0);
}

function max<Item>(items: readonly Item[], read: (item: Item) => number): number {
  return items.reduce((largest, item) => Math.max(largest, read(item)), 0);
}
