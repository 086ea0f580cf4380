import assert from "node:assert/strict";
import { test } from "node:test";
import type { FunctionStats, ServerStats } from "../serve/operator.ts";
import { LATENCY_BUCKET_BOUNDS_US } from "../telemetry/metrics.ts";
import { NO_PROCESS_METRICS, oneStart, type ProcessMetrics } from "../telemetry/process-metrics.ts";
import { statsReport } from "./stats-report.ts";

const POOL = {
  inUse: 0,
  size: 8,
  waiting: 0,
  exhausted: 0,
  waitCount: 0,
  waitSumUs: 0,
  waitMaxUs: 0,
  execCount: 0,
  execSumUs: 0,
  execMaxUs: 0,
};

function callsIn(bucketUs: number, count: number): number[] {
  return [...LATENCY_BUCKET_BOUNDS_US.map((bound) => (bound === bucketUs ? count : 0)), 0];
}

function functionOf(change: Partial<FunctionStats>): FunctionStats {
  const latency = { latencyP50Us: null, latencyP95Us: null, latencyP99Us: null, latencyBuckets: callsIn(50, 0) };
  const counts = { requests: 0, errors: 0, coldStarts: 0, coldStartMaxUs: 0, timeouts: 0, outOfMemory: 0, evictions: 0 };
  return { id: "report", ...counts, ...latency, pool: POOL, process: null, ...change };
}

function serverOf(...functions: readonly FunctionStats[]): ServerStats {
  return { version: 1, uptimeMs: 5_000, connectionsOpen: 0, refusedByStatus: {}, workers: [], restartsByReason: {}, functions };
}

/** Cells of the row that begins with `name`, by the titles above it. */
function cells(report: string, title: string, name: string): string[] {
  const lines = report.split("\n");
  const from = lines.findIndex((line) => line.startsWith(title));
  const row = lines.slice(from + 1).find((line) => line.startsWith(name));
  return row?.split(/ {2,}/) ?? assert.fail(report);
}

test("two looks tell the calls a second and the latency of those between them", () => {
  const before = serverOf(functionOf({ requests: 1_000, latencyBuckets: callsIn(25, 1_000) }));
  const now = callsIn(25, 1_000).map((count, index) => count + callsIn(50_000, 20)[index]!);
  const report = statsReport(serverOf(functionOf({ requests: 1_020, latencyBuckets: now })), { stats: before, elapsedMs: 2_000 });
  const [, calls, perSecond, , p50] = cells(report, "FUNCTION", "report");
  assert.deepEqual([calls, perSecond], ["1020", "10"]);
  assert.match(p50!, /^\d\d\.\d ms$/);
});

test("a function whose worker took its counts along has no calls rather than fewer than none", () => {
  const before = serverOf(functionOf({ requests: 90, latencyBuckets: callsIn(25, 90) }));
  const report = statsReport(serverOf(functionOf({ requests: 4, latencyBuckets: callsIn(25, 4) })), { stats: before, elapsedMs: 1_000 });
  assert.equal(cells(report, "FUNCTION", "report")[2], "0.0");
});

test("process functions tell how they are called, what their instances do, how they came to be, and why not otherwise", () => {
  const process: ProcessMetrics = {
    ...NO_PROCESS_METRICS,
    way: "ring",
    insteadBecause: "started plainly: no criu on this machine",
    instances: { ...NO_PROCESS_METRICS.instances, Running: 3, WarmSnapshot: 1 },
    busyInstances: 2,
    starts: { ...NO_PROCESS_METRICS.starts, started: oneStart(4, 60), forked: { ...oneStart(2, 3), count: 3 } },
    restarts: 7,
  };
  const report = statsReport(serverOf(functionOf({ process })));
  const row = cells(report, "PROCESS FUNCTION", "report");
  assert.deepEqual(row.slice(1, 6), ["ring", "2", "0", "1 WarmSnapshot, 3 Running", "1 started, 3 forked"]);
  assert.deepEqual(row.slice(6), ["1.5 ms", "15.8 ms", "0", "7", "0"]);
  assert.match(report, /^report: started plainly: no criu on this machine$/m);
});
