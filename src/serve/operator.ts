/**
 * Operator: what the operator can learn of a running server and tell it, as
 * plain data. The admin API puts it on HTTP, an embedder calls it directly.
 * Never includes a function's env: secrets are in it.
 */
import { type Failure, fail, type Result } from "../base/result.ts";
import { isolationText } from "../config/isolation-text.ts";
import { allLatencies, type FunctionTotals, quantileUs } from "../telemetry/aggregate.ts";
import type { PoolMetrics } from "../telemetry/metrics.ts";
import type { ProcessMetrics } from "../telemetry/process-metrics.ts";
import { renderPrometheus } from "../telemetry/prometheus.ts";
import type { FunctionSpec } from "./function-spec.ts";
import type { Placement } from "./messages.ts";
import type { ProfileRequest } from "./profilers.ts";
import type { Supervisor } from "./supervisor.ts";
import { type WasmStart, wasmStartOf } from "./wasm-start.ts";

export interface FunctionReport {
  readonly id: string;
  readonly route: string;
  /** null takes every method, or what its exports say once it is built. */
  readonly methods: readonly string[] | null;
  /** Of its own, where every path is its. */
  readonly port: number | null;
  readonly engine: string;
  /** As pilotlight.yaml writes it: "bounded(100)". */
  readonly isolation: string;
  /** The faster of the lanes it runs in; "none" before its first call. */
  readonly lane: "thread" | "loop" | "none";
  /** Workers by lane. */
  readonly lanes: Readonly<Record<"thread" | "loop", number>>;
  readonly placement: { readonly where: "shared" | "isolation" | "probation" | "profile" | "quarantine"; readonly reason?: string };
  readonly sandboxes: number;
  readonly calls: number;
  /** WebAssembly, once built; `mode` is what runs, which may have fallen back from what was chosen. */
  readonly start: WasmStart | null;
  readonly failure: Failure | null;
}

export interface FunctionStats {
  readonly id: string;
  readonly requests: number;
  /** Answers of 500 and above. */
  readonly errors: number;
  readonly latencyP50Us: number | null;
  readonly latencyP95Us: number | null;
  readonly latencyP99Us: number | null;
  /** Calls by LATENCY_BUCKET_BOUNDS_US, then the rest: of two looks, the difference is what happened between them. */
  readonly latencyBuckets: readonly number[];
  readonly coldStarts: number;
  readonly coldStartMaxUs: number;
  readonly timeouts: number;
  readonly outOfMemory: number;
  readonly evictions: number;
  readonly pool: PoolMetrics;
  /** Of a function that is an executable. */
  readonly process: ProcessMetrics | null;
}

export interface WorkerStats {
  readonly name: string;
  readonly pid: number;
  /** The one function it serves, or null. */
  readonly function: string | null;
  readonly residentBytes: number;
  readonly uptimeMs: number;
  readonly restarts: number;
  readonly listening: boolean;
}

export interface ServerStats {
  readonly version: number;
  readonly uptimeMs: number;
  readonly connectionsOpen: number;
  readonly refusedByStatus: Readonly<Record<string, number>>;
  readonly workers: readonly WorkerStats[];
  readonly restartsByReason: Readonly<Record<string, number>>;
  /** Functions that were called or have processes, in the order of their ids. */
  readonly functions: readonly FunctionStats[];
}

export class Operator {
  readonly #supervisor: Supervisor;

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
  }

  async functions(): Promise<FunctionReport[]> {
    await this.#collect();
    const { live, placement, counts } = this.#supervisor;
    const totals = new Map(counts.totals().functions.map((one) => [one.id, one]));
    return live.current.functions.map((spec) => {
      const known = totals.get(spec.id);
      return {
        id: spec.id,
        route: spec.route,
        methods: spec.methods ?? spec.bundle?.methods ?? null,
        port: spec.port,
        engine: spec.engine,
        isolation: isolationText(spec.isolation),
        lane: known?.metrics.lane ?? "none",
        lanes: known?.lanes ?? { thread: 0, loop: 0 },
        placement: placementReport(placement.placementOf(spec.id)),
        sandboxes: known?.metrics.sandboxesOpen ?? 0,
        calls: known === undefined ? 0 : callsOf(known),
        start: startOf(spec, known?.metrics.startMode ?? null),
        failure: live.failureOf(spec),
      };
    });
  }

  async stats(): Promise<ServerStats> {
    await this.#collect();
    const { slots, counts, live, startedAtMs, restartsByReason } = this.#supervisor;
    const totals = counts.totals();
    const workers = slots.flatMap(({ worker, name, functionId, restarts, listening }) => {
      if (worker === null) return [];
      const residentBytes = counts.latestOf(worker)?.residentBytes ?? worker.residentBytes;
      return [{ name, pid: worker.pid, function: functionId, residentBytes, uptimeMs: Math.round(worker.livedMs), restarts, listening }];
    });
    return {
      version: live.current.version,
      uptimeMs: Date.now() - startedAtMs,
      connectionsOpen: totals.connectionsOpen,
      refusedByStatus: totals.refusedByStatus,
      workers,
      restartsByReason,
      functions: totals.functions.filter((one) => callsOf(one) > 0 || one.metrics.process !== null).map(functionStats),
    };
  }

  /** Prometheus text format. */
  async metrics(): Promise<string> {
    await this.#collect();
    const { slots, counts, placement, restartsByReason, jobs } = this.#supervisor;
    const workers = slots.flatMap(({ name, worker }) => {
      return worker === null ? [] : [{ name, residentBytes: counts.latestOf(worker)?.residentBytes ?? worker.residentBytes }];
    });
    const quarantined = placement.placements().flatMap((one) => (one.where === "quarantine" ? [one.functionId] : []));
    return renderPrometheus(counts.totals(), { workers, restartsByReason, quarantined }) + (await jobs.metrics());
  }

  /** A V8 profile as JSON text. */
  async profile(request: ProfileRequest): Promise<Result<string>> {
    if (this.#supervisor.live.specOf(request.functionId) === null) {
      const message = `Cannot profile ${request.functionId}: no such function is deployed`;
      return fail({ code: "FUNCTION_UNKNOWN", message, hint: "`pilotlight list` names those that are" });
    }
    return this.#supervisor.profile(request);
  }

  #collect(): Promise<void> {
    const workers = this.#supervisor.slots.flatMap(({ worker }) => (worker === null ? [] : [worker]));
    return this.#supervisor.counts.collect(workers);
  }
}

function placementReport(placement: Placement | null): FunctionReport["placement"] {
  if (placement === null) return { where: "shared" };
  return placement.where === "dedicated" ? { where: placement.why } : { where: "quarantine", reason: placement.reason };
}

function callsOf({ metrics }: FunctionTotals): number {
  return metrics.byStatus.reduce((sum, { count }) => sum + count, 0);
}

function functionStats(totals: FunctionTotals): FunctionStats {
  const { id, byStatus, coldStarts, coldStartMaxUs, timeouts, outOfMemory, evictions, pool, process } = totals.metrics;
  const latencies = allLatencies(totals.metrics);
  const errors = byStatus.filter(({ status }) => status >= 500).reduce((sum, { count }) => sum + count, 0);
  // Buckets are coarse: what was interpolated in one must not pass what ever happened.
  const greatestUs = pool.execMaxUs + pool.waitMaxUs;
  const quantile = (q: number): number | null => {
    const us = quantileUs(latencies, q);
    return us === null ? null : Math.round(greatestUs > 0 ? Math.min(us, greatestUs) : us);
  };
  const quantiles = { latencyP50Us: quantile(0.5), latencyP95Us: quantile(0.95), latencyP99Us: quantile(0.99) };
  const counts = { coldStarts, coldStartMaxUs, timeouts, outOfMemory, evictions };
  return { id, requests: callsOf(totals), errors, ...quantiles, latencyBuckets: latencies, ...counts, pool, process };
}

function startOf(spec: FunctionSpec, running: string | null): WasmStart | null {
  const start = wasmStartOf(spec);
  if (start === null || running === null || running === start.mode) return start;
  return { ...start, mode: running, modeReason: `it could not start by ${start.mode}; the log says why` };
}
