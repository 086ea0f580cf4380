/**
 * A comparison as a stored result: the seed's schema, a benchmark for each side
 * and figure, what the schema has no field for (commands, memory, verdict,
 * noise) as metadata, and the raw values of every process in order.
 */
import type { NoiseNote } from "../noise/notes.ts";
import type { SamplesByName } from "../results/samples-file.ts";
import { type BenchmarkReport, type BenchmarkResult, SCHEMA_VERSION } from "../results/schema.ts";
import { latencyMetrics } from "../results/summarize.ts";
import { systemInfo } from "../results/system-info.ts";
import type { AbJudgement, MetricComparison } from "./judge-ab.ts";
import type { MetricName, ProcessSample } from "./plan.ts";
import type { AbSamples } from "./run-ab.ts";
import type { Side } from "./schedule.ts";

export interface AbRun {
  readonly startedAt: string;
  readonly labels: Readonly<Record<Side, string>>;
  /** As typed. */
  readonly commands: Readonly<Record<Side, string>>;
  /** "GET /api/health". */
  readonly request: string;
  readonly seed: number;
  readonly samples: AbSamples;
  readonly judgement: AbJudgement;
  readonly noise: readonly NoiseNote[];
}

interface Figure {
  readonly suffix: string;
  readonly category: string;
  valueOf(sample: ProcessSample): number;
}

const NS_PER_US = 1_000;
const NS_PER_MS = 1e6;

const TIMES: Readonly<Partial<Record<MetricName, Figure>>> = {
  cpu: { suffix: "cpu_per_request", category: "e2e", valueOf: (sample) => sample.cpuUsPerRequest * NS_PER_US },
  p50: { suffix: "latency_p50", category: "e2e", valueOf: (sample) => sample.p50Us * NS_PER_US },
  p99: { suffix: "latency_p99", category: "e2e", valueOf: (sample) => sample.p99Us * NS_PER_US },
  boot: { suffix: "boot", category: "cold_start", valueOf: (sample) => sample.bootMs * NS_PER_MS },
};

export function toReport(run: AbRun): { readonly report: BenchmarkReport; readonly samples: SamplesByName } {
  const results: BenchmarkResult[] = [];
  const samples = new Map<string, readonly number[]>();
  const add = (result: BenchmarkResult, values: readonly number[]): void => {
    results.push(result);
    samples.set(result.name, values);
  };
  for (const side of ["a", "b"] as const) {
    const measured = run.samples[side];
    const common = { side, label: run.labels[side], command: run.commands[side], request: run.request };
    for (const figure of Object.values(TIMES)) {
      const values = measured.map(figure.valueOf);
      const metrics = latencyMetrics(values);
      // A p99 that no process had the requests for is left out rather than made up.
      if (Object.keys(metrics).length === 0) continue;
      add({ name: `${side}/${figure.suffix}`, category: figure.category, iterations: measured.length, metrics, metadata: common }, values);
    }
    add(
      throughput(side, measured, {
        ...common,
        ...aboutRun(run),
        rss_bytes: measured.map(({ rssBytes }) => rssBytes),
        pss_bytes: measured.map(pssOf),
      }),
      measured.map(({ requestsPerSecond }) => requestsPerSecond),
    );
  }
  return {
    report: { benchmark_suite: "ab", version: SCHEMA_VERSION, timestamp: run.startedAt, system_info: systemInfo(), results },
    samples,
  };
}

function throughput(side: Side, measured: readonly ProcessSample[], metadata: Readonly<Record<string, unknown>>): BenchmarkResult {
  const sum = (figure: (sample: ProcessSample) => number): number => measured.reduce((total, sample) => total + figure(sample), 0);
  const [requests, bytes, ms] = [sum((one) => one.requestCount), sum((one) => one.receivedBytes), sum((one) => one.measuredMs)];
  return {
    name: `${side}/throughput`,
    category: "e2e",
    iterations: requests,
    metrics: {
      messages_per_sec: requests / (ms / 1_000),
      bytes_per_sec: bytes / (ms / 1_000),
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

function judgementOf({ metric, judgement }: MetricComparison): Readonly<Record<string, unknown>> {
  const { verdict, ratio, interval, p, why } = judgement;
  return { metric, verdict, ratio, interval, p, why };
}

function pssOf({ pssBytes }: ProcessSample): number | null {
  return Number.isFinite(pssBytes) ? pssBytes : null;
}
