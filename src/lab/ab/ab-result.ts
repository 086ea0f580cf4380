/**
 * A comparison as a stored result: the seed's schema, a benchmark for each side
 * and figure, what the schema has no field for (commands, memory, verdict,
 * noise) as metadata, and the raw values of every process in order.
 */
import { sha256 } from "../../base/sha256.ts";
import { median } from "../../stats/quantile.ts";
import type { Checks } from "../load/plan.ts";
import type { NoiseNote } from "../noise/notes.ts";
import type { SamplesByName } from "../results/samples-file.ts";
import { type BenchmarkReport, type BenchmarkResult, SCHEMA_VERSION } from "../results/schema.ts";
import { latencyMetrics, memoryMetrics } from "../results/summarize.ts";
import { systemInfo } from "../results/system-info.ts";
import type { AbJudgement, MetricComparison } from "./judge-ab.ts";
import type { AbPlan, MetricName, ProcessSample } from "./plan.ts";
import { type AbSamples, roundsForVerdict } from "./run-ab.ts";
import type { Side } from "./schedule.ts";

export interface AbRun {
  readonly startedAt: string;
  readonly labels: Readonly<Record<Side, string>>;
  /** As typed. */
  readonly commands: Readonly<Record<Side, string>>;
  /** "GET /api/health". */
  readonly request: string;
  readonly seed: number;
  readonly conditions: AbConditions;
  readonly samples: AbSamples;
  readonly judgement: AbJudgement;
  readonly noise: readonly NoiseNote[];
}

/** What a later comparison has to know: other conditions are another benchmark. */
export interface AbConditions {
  readonly connections: number;
  readonly measuredMs: number;
  readonly warmUpMaxMs: number;
  /** Hex of the sent body's SHA-256; null without a body. */
  readonly bodySha256: string | null;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly checks: Checks;
  readonly alpha: number;
  readonly minimumEffect: number;
}

export function conditionsOf({ measuring, alpha, minimumEffect }: AbPlan): AbConditions {
  const { load, measuredMs, warmUpMaxMs } = measuring;
  const { connectionMaxCount: connections, body, headers, checks } = load;
  // A comparison sends bodies as they are; templates are for load runs.
  const bodySha256 = body?.kind === "bytes" ? sha256(body.bytes) : null;
  return { connections, measuredMs, warmUpMaxMs, bodySha256, headers, checks, alpha, minimumEffect };
}

interface Figure {
  readonly metric: MetricName | null;
  readonly suffix: string;
  readonly category: string;
  readonly unit: "ns" | "bytes";
  valueOf(sample: ProcessSample): number;
}

const NS_PER_US = 1_000;
const NS_PER_MS = 1e6;

const FIGURES: readonly Figure[] = [
  { metric: "cpu", suffix: "cpu_per_request", category: "e2e", unit: "ns", valueOf: (sample) => sample.cpuUsPerRequest * NS_PER_US },
  { metric: "p50", suffix: "latency_p50", category: "e2e", unit: "ns", valueOf: (sample) => sample.p50Us * NS_PER_US },
  { metric: "p99", suffix: "latency_p99", category: "e2e", unit: "ns", valueOf: (sample) => sample.p99Us * NS_PER_US },
  { metric: "boot", suffix: "boot", category: "cold_start", unit: "ns", valueOf: (sample) => sample.bootMs * NS_PER_MS },
  { metric: "memory", suffix: "memory_own_pss", category: "memory", unit: "bytes", valueOf: (sample) => sample.ownPssBytes },
  { metric: null, suffix: "memory_file_pss", category: "memory", unit: "bytes", valueOf: (sample) => sample.filePssBytes },
  { metric: null, suffix: "memory_rss", category: "memory", unit: "bytes", valueOf: (sample) => sample.rssBytes },
];

export function toReport(run: AbRun): { readonly report: BenchmarkReport; readonly samples: SamplesByName } {
  const results: BenchmarkResult[] = [];
  const samples = new Map<string, readonly number[]>();
  const add = (result: BenchmarkResult, values: readonly number[]): void => {
    results.push(result);
    samples.set(result.name, values);
  };
  for (const side of ["a", "b"] as const) {
    const measured = run.samples[side];
    const common = {
      side,
      label: run.labels[side],
      command: run.commands[side],
      request: run.request,
      conditions: conditionData(run.conditions),
      partial_because: partialBecause(run),
    };
    for (const figure of FIGURES) {
      const values = measured.map(figure.valueOf);
      const metrics = figure.unit === "ns" ? latencyMetrics(values) : memoryMetrics(values);
      // A p99 that no process had the requests for is left out rather than made up.
      if (Object.keys(metrics).length === 0) continue;
      const metadata = { ...common, unjudged_because: unjudgedBecause(run, figure.metric) };
      add({ name: `${side}/${figure.suffix}`, category: figure.category, iterations: measured.length, metrics, metadata }, values);
    }
    add(
      throughput(side, measured, {
        ...common,
        unjudged_because: unjudgedBecause(run, "rps"),
        ...aboutRun(run),
        invalid_because: measured.map(({ invalidBecause }) => invalidBecause),
        cpu_unknown_because: measured.find(({ cpuUnknownBecause }) => cpuUnknownBecause !== null)?.cpuUnknownBecause ?? null,
      }),
      measured.map(({ requestsPerSecond }) => requestsPerSecond),
    );
  }
  return {
    report: { benchmark_suite: "ab", version: SCHEMA_VERSION, timestamp: run.startedAt, system_info: systemInfo(), results },
    samples,
  };
}

function unjudgedBecause({ judgement }: AbRun, metric: MetricName | null): string | null {
  const compared = [judgement.verdict, ...judgement.others].find((one) => one.metric === metric);
  return compared?.unjudgedBecause ?? null;
}

function throughput(side: Side, measured: readonly ProcessSample[], metadata: Readonly<Record<string, unknown>>): BenchmarkResult {
  const sum = (figure: (sample: ProcessSample) => number): number => measured.reduce((total, sample) => total + figure(sample), 0);
  const [requests, bytes, ms] = [sum((one) => one.requestCount), sum((one) => one.receivedBytes), sum((one) => one.measuredMs)];
  // As shown and judged: the requests of the last moment end after it, and the count of all would be a higher rate.
  const perSecond = median(measured.map(({ requestsPerSecond }) => requestsPerSecond));
  return {
    name: `${side}/throughput`,
    category: "e2e",
    iterations: requests,
    metrics: {
      messages_per_sec: perSecond,
      bytes_per_sec: perSecond * (bytes / requests),
      total_messages: requests,
      total_bytes: bytes,
      duration_ns: Math.round(ms * NS_PER_MS),
    },
    metadata,
  };
}

function aboutRun({ samples, judgement, noise, seed }: AbRun): Readonly<Record<string, unknown>> {
  return {
    seed,
    order: samples.order,
    stopped_by: samples.stoppedBy,
    verdict: judgementOf(judgement.verdict),
    others: judgement.others.map(judgementOf),
    noise,
  };
}

function conditionData(conditions: AbConditions): Readonly<Record<string, unknown>> {
  const { connections, measuredMs, warmUpMaxMs, bodySha256, headers, checks, alpha, minimumEffect } = conditions;
  return {
    connections,
    seconds: measuredMs / 1_000,
    warm_up_ms: warmUpMaxMs,
    body_sha256: bodySha256,
    headers,
    checks,
    alpha,
    minimum_effect: minimumEffect,
  };
}

/** Why it says less than it was meant to; null when it is whole. */
function partialBecause({ samples, conditions }: AbRun): string | null {
  const [count, neededCount] = [samples.order.length, roundsForVerdict(conditions.alpha)];
  const rounds = `after ${count} ${count === 1 ? "round" : "rounds"}`;
  if (samples.stoppedBy === "interruption") return `interrupted ${rounds}`;
  return count < neededCount ? `ended ${rounds}, fewer than the ${neededCount} of a verdict` : null;
}

function judgementOf({ metric, judgement }: MetricComparison): Readonly<Record<string, unknown>> {
  const { verdict, ratio, interval, p, cliffsDelta, why } = judgement;
  return { metric, verdict, ratio, interval, p, cliffs_delta: cliffsDelta, why };
}
