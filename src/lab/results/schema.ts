/**
 * Results as files: the schema that Aetherless published (its page documents
 * `metrics`; its Rust program wrote `latency` and `throughput`; its Python
 * scripts left system_info out). All three are read, the documented one is
 * written. A file of another shape or version is refused by name, because a
 * figure read from the wrong field is worse than none.
 */
import { type Failure, fail, ok, type Result } from "../../base/result.ts";

/** Of the files that we write; the published ones carry it too. */
export const SCHEMA_VERSION = "0.1.0";

export interface SystemInfo {
  readonly os: string;
  readonly os_version: string;
  readonly kernel_version: string | null;
  readonly cpu_model: string;
  readonly cpu_cores: number;
  readonly memory_bytes: number;
  readonly hostname: string;
}

export const LATENCY_FIELDS = ["min_ns", "max_ns", "mean_ns", "median_ns", "p95_ns", "p99_ns", "std_dev_ns"] as const;
export const THROUGHPUT_FIELDS = ["messages_per_sec", "bytes_per_sec", "total_messages", "total_bytes", "duration_ns"] as const;
/** Ours: the published schema has no field for memory. */
export const MEMORY_FIELDS = ["min_bytes", "max_bytes", "mean_bytes", "median_bytes"] as const;
export const METRIC_FIELDS = [...LATENCY_FIELDS, ...THROUGHPUT_FIELDS, ...MEMORY_FIELDS] as const;
export type MetricField = (typeof METRIC_FIELDS)[number];

/** Any kind of fields, or several. */
export type Metrics = Readonly<Partial<Record<MetricField, number>>>;

export interface BenchmarkResult {
  readonly name: string;
  readonly category: string;
  readonly iterations: number;
  readonly metrics: Metrics;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface BenchmarkReport {
  readonly benchmark_suite: string;
  readonly version: string;
  /** ISO 8601, UTC. */
  readonly timestamp: string;
  /** Null where the file had none. */
  readonly system_info: SystemInfo | null;
  readonly results: readonly BenchmarkResult[];
}

/** A report and the raw values of its results, by name, where the file holds them. */
export interface ReadReport {
  readonly report: BenchmarkReport;
  readonly samples: ReadonlyMap<string, readonly number[]>;
}

/** `from` is the file's name, for failures. */
export function parseReport(text: string, from: string): Result<ReadReport> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return fail(unreadable(from, `it is no JSON (${(error as Error).message})`));
  }
  const wrong = shapeProblem(value);
  if (wrong !== null) return fail(unreadable(from, wrong));
  const raw = value as RawReport;
  const version = String(raw.version);
  if (!/^0\.1\.\d+$/.test(version)) {
    const message = `Cannot read ${from}: it is of version ${JSON.stringify(version).slice(0, 40)}, not ${SCHEMA_VERSION}`;
    return fail({ code: "RESULTS_VERSION", message, hint: "Read it with the program that wrote it, or measure again" });
  }
  const samples = new Map<string, readonly number[]>();
  for (const { name, latency, metadata } of raw.results) {
    const inline = latency?.samples ?? metadata?.["samples"];
    if (Array.isArray(inline) && inline.every(isSample))
      samples.set(
        name,
        inline.map((value) => value ?? Number.NaN),
      );
  }
  const results = raw.results.map((one) => ({
    name: one.name,
    category: one.category,
    iterations: one.iterations,
    metrics: metricsOf(one),
    metadata: one.metadata ?? {},
  }));
  const { benchmark_suite, timestamp, system_info = null } = raw;
  return ok({ report: { benchmark_suite, version, timestamp, system_info, results }, samples });
}

type RawMetrics = Readonly<Record<string, unknown>>;

interface RawResult {
  readonly name: string;
  readonly category: string;
  readonly iterations: number;
  readonly metrics?: RawMetrics;
  readonly latency?: RawMetrics & { readonly samples?: readonly number[] };
  readonly throughput?: RawMetrics;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

interface RawReport extends Omit<BenchmarkReport, "results" | "system_info"> {
  readonly system_info?: SystemInfo | null;
  readonly results: readonly RawResult[];
}

function metricsOf({ metrics, latency, throughput }: RawResult): Metrics {
  const all: RawMetrics = { ...latency, ...throughput, ...metrics };
  return Object.fromEntries(METRIC_FIELDS.flatMap((field) => (isNumber(all[field]) ? [[field, all[field]]] : [])));
}

/** What keeps it from being a report, as a phrase; null when nothing does. */
function shapeProblem(value: unknown): string | null {
  if (!isObject(value)) return "it is no object";
  if (String(value["schema"]).startsWith("pilotlight-load/"))
    return "it is one run of `pilotlight load`, a single sample with nothing to judge it by; compare servers with `pilotlight bench ab`";
  for (const field of ["benchmark_suite", "version", "timestamp"] as const) {
    if (typeof value[field] !== "string") return `its ${field} is missing or no text`;
  }
  if (Number.isNaN(Date.parse(value["timestamp"] as string))) return "its timestamp is no time";
  if (value["system_info"] !== undefined && value["system_info"] !== null && !isObject(value["system_info"]))
    return "its system_info is no object";
  if (!Array.isArray(value["results"])) return "its results are no list";
  const names = new Set<string>();
  for (const [at, one] of (value["results"] as unknown[]).entries()) {
    const wrong = resultProblem(one);
    if (wrong !== null) return `results[${at}] ${wrong}`;
    const { name } = one as RawResult;
    if (names.has(name)) return `results[${at}] has the name of another: ${JSON.stringify(name).slice(0, 80)}`;
    names.add(name);
  }
  return null;
}

function resultProblem(value: unknown): string | null {
  if (!isObject(value)) return "is no object";
  if (typeof value["name"] !== "string" || typeof value["category"] !== "string") return "has no name or no category";
  if (!isNumber(value["iterations"])) return "has no number of iterations";
  if (value["iterations"] < 0) return "has iterations below zero";
  const parts = [value["metrics"], value["latency"], value["throughput"]].filter((part) => part !== undefined && part !== null);
  if (parts.length === 0) return "has neither metrics nor latency nor throughput";
  if (!parts.every(isObject)) return "has metrics that are no object";
  const named = parts.flatMap((part) => Object.entries(part)).filter(([field]) => isMetricField(field));
  const broken = named.find(([, figure]) => !isNumber(figure));
  if (broken !== undefined) return `has a ${broken[0]} that is no number`;
  const negative = named.find(([, figure]) => (figure as number) < 0);
  if (negative !== undefined) return `has a ${negative[0]} below zero`;
  if (named.length === 0) return "has no figure that this program knows";
  return value["metadata"] === undefined || isObject(value["metadata"]) ? null : "has metadata that is no object";
}

function isMetricField(name: string): name is MetricField {
  return (METRIC_FIELDS as readonly string[]).includes(name);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Null: could not be measured. */
function isSample(value: unknown): value is number | null {
  return value === null || (isNumber(value) && value >= 0);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function unreadable(from: string, because: string): Failure {
  const hint = "A report is an object with benchmark_suite, version, timestamp, system_info and results";
  return { code: "RESULTS_UNREADABLE", message: `Cannot read ${from} as benchmark results: ${because}`, hint };
}
