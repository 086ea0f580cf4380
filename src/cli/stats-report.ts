/**
 * The report of `pilotlight stats`: what a server's counters say, as tables for
 * people. Between two looks it says what happened meanwhile: calls a second,
 * and the latency of those calls alone. Pure.
 */
import { type Column, table } from "../base/table.ts";
import { describeBytes, formatDuration, SECOND_MS } from "../base/units.ts";
import type { FunctionStats, ServerStats, WorkerStats } from "../serve/operator.ts";
import { quantileUs } from "../telemetry/aggregate.ts";
import { INSTANCE_ORIGINS, INSTANCE_STATES, type ProcessMetrics } from "../telemetry/process-metrics.ts";

/** An earlier look, and how long ago it was. */
export interface Before {
  readonly stats: ServerStats;
  readonly elapsedMs: number;
}

export function statsReport(server: ServerStats, before: Before | null = null): string {
  const restarts = Object.entries(server.restartsByReason).map(([reason, count]) => `${count} by ${reason}`);
  const refused = Object.entries(server.refusedByStatus).map(([status, count]) => `${count} with ${status}`);
  const processes = server.functions.filter(isProcess);
  return [
    `Up ${uptime(server.uptimeMs)}, deployment ${server.version}, ${server.connectionsOpen} connections open`,
    ...(restarts.length > 0 ? [`Workers replaced: ${restarts.join(", ")}`] : []),
    ...(refused.length > 0 ? [`Refused before a function: ${refused.join(", ")}`] : []),
    "",
    workerTable(server.workers),
    "",
    server.functions.length === 0 ? "No function was called yet." : functionTable(server.functions, before),
    ...(processes.length === 0 ? [] : ["", processTable(processes), ...remarks(processes)]),
  ].join("\n");
}

function workerTable(workers: readonly WorkerStats[]): string {
  return table(
    columnsOf("WORKER", "PID", "MEMORY", "UP", "RESTARTS", "ONLY FUNCTION"),
    workers.map((one) => [
      one.name,
      String(one.pid),
      describeBytes(one.residentBytes),
      uptime(one.uptimeMs),
      String(one.restarts),
      one.function ?? "",
    ]),
  );
}

function functionTable(functions: readonly FunctionStats[], before: Before | null): string {
  const rate = before === null ? [] : ["CALLS/S"];
  return table(
    columnsOf("FUNCTION", "CALLS", ...rate, "5XX", "P50", "P95", "P99", "COLD", "TIMEOUTS", "POOL", "EXHAUSTED"),
    functions.map((one) => {
      const { perSecond, quantiles } = lately(one, before);
      return [
        one.id,
        String(one.requests),
        ...(before === null ? [] : [perSecond]),
        String(one.errors),
        ...quantiles.map(latency),
        String(one.coldStarts),
        String(one.timeouts),
        `${one.pool.inUse}/${one.pool.size}`,
        String(one.pool.exhausted),
      ];
    }),
  );
}

/** Since `before`; since the start without one. */
function lately(one: FunctionStats, before: Before | null): { readonly perSecond: string; readonly quantiles: readonly (number | null)[] } {
  if (before === null) return { perSecond: "", quantiles: [one.latencyP50Us, one.latencyP95Us, one.latencyP99Us] };
  const earlier = before.stats.functions.find(({ id }) => id === one.id);
  // A worker that died took its counts along: less than before is nothing.
  const buckets = one.latencyBuckets.map((count, index) => Math.max(0, count - (earlier?.latencyBuckets[index] ?? 0)));
  const calls = Math.max(0, one.requests - (earlier?.requests ?? 0));
  const perSecond = calls / (before.elapsedMs / SECOND_MS);
  return {
    perSecond: perSecond >= 10 ? perSecond.toFixed(0) : perSecond.toFixed(1),
    quantiles: [0.5, 0.95, 0.99].map((quantile) => quantileUs(buckets, quantile)),
  };
}

type ProcessStats = FunctionStats & { readonly process: ProcessMetrics };

function isProcess(one: FunctionStats): one is ProcessStats {
  return one.process !== null;
}

function processTable(functions: readonly ProcessStats[]): string {
  return table(
    columnsOf("PROCESS FUNCTION", "BY", "BUSY", "WAITING", "STATES", "STARTS", "SPAWN", "READY", "FAILED", "RESTARTS", "RESENT"),
    functions.map(({ id, process }) => {
      const starts = INSTANCE_ORIGINS.map((origin) => ({ origin, ...process.starts[origin] })).filter(({ count }) => count > 0);
      const count = starts.reduce((sum, start) => sum + start.count, 0);
      const meanOf = (sum: number): string => (count === 0 ? "" : latency((sum / count) * 1_000));
      return [
        id,
        process.way ?? "",
        String(process.busyInstances),
        String(process.waitingCalls),
        INSTANCE_STATES.flatMap((state) => (process.instances[state] === 0 ? [] : `${process.instances[state]} ${state}`)).join(", "),
        starts.map((start) => `${start.count} ${start.origin}`).join(", "),
        meanOf(starts.reduce((sum, { spawnSumMs }) => sum + spawnSumMs, 0)),
        meanOf(starts.reduce((sum, { readySumMs }) => sum + readySumMs, 0)),
        String(process.failedStarts),
        String(process.restarts),
        String(process.resentCalls),
      ];
    }),
  );
}

function remarks(functions: readonly ProcessStats[]): string[] {
  return functions.flatMap(({ id, process }) => (process.insteadBecause === null ? [] : `${id}: ${process.insteadBecause}`));
}

/** Names to the left, numbers to the right. */
function columnsOf(...titles: readonly string[]): Column[] {
  return titles.map((title) => ({ title, align: /WORKER|FUNCTION|STATES|STARTS|BY/.test(title) ? "left" : "right" }));
}

function latency(us: number | null): string {
  if (us === null) return "";
  return us < 1_000 ? `${Math.round(us)} us` : `${(us / 1_000).toFixed(us < 100_000 ? 1 : 0)} ms`;
}

function uptime(ms: number): string {
  return formatDuration(Math.max(1, Math.floor(ms / SECOND_MS)) * SECOND_MS);
}
