/**
 * Prometheus text exposition format 0.0.4, written from the totals.
 * Own code instead of prom-client: the workers count in their own arrays and
 * only plain sums arrive here, so a registry would be a second copy of every
 * counter to keep in step; what is left of the format are these few rules.
 * Functions that nobody has called yet get no samples: of a thousand deployed
 * ones, mostly idle, a scrape carries the few that did something.
 */
import type { FunctionTotals, Totals } from "./aggregate.ts";
import { type FunctionMetrics, LATENCY_BUCKET_BOUNDS_US } from "./metrics.ts";
import { type OwnProcess, ownProcess } from "./own-process.ts";
import { INSTANCE_ORIGINS, INSTANCE_STATES, type ProcessMetrics, type StartMetrics } from "./process-metrics.ts";

export const PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export interface ServerGauges {
  readonly workers: readonly { readonly name: string; readonly residentBytes: number }[];
  readonly restartsByReason: Readonly<Record<string, number>>;
  readonly quarantined: readonly string[];
}

type Kind = "counter" | "gauge" | "histogram" | "summary";
type Labels = Readonly<Record<string, string | number>>;

const US_PER_SECOND = 1_000_000;
const MS_PER_SECOND = 1_000;

export function renderPrometheus(totals: Totals, server: ServerGauges, own: OwnProcess = ownProcess()): string {
  const text = new Exposition();
  const seen = totals.functions.filter(isSeen);
  renderOwnProcess(text, own);
  renderRequests(text, seen);
  renderColdStarts(text, seen);
  renderSandboxes(text, seen);
  renderPools(text, seen);
  renderInstances(text, seen);
  renderServer(text, totals, server);
  return text.toString();
}

function renderOwnProcess(text: Exposition, { version, nodeVersion, startedAtSeconds, cpuSeconds }: OwnProcess): void {
  const build = "pilotlight_build_info";
  text.family(build, "gauge", "Always 1; the labels are the versions of Pilotlight and of the Node it runs on.");
  text.sample(build, { version, node: nodeVersion }, 1);
  // Names without a prefix are those that every client library uses for the process that is scraped.
  const started = "process_start_time_seconds";
  text.family(started, "gauge", "When the supervisor started, in seconds since the epoch.");
  text.sample(started, {}, startedAtSeconds);
  const cpu = "process_cpu_seconds_total";
  text.family(cpu, "counter", "Processor seconds of the supervisor, those of its workers not among them.");
  text.sample(cpu, {}, cpuSeconds);
}

function renderRequests(text: Exposition, seen: readonly FunctionTotals[]): void {
  const total = "pilotlight_requests_total";
  text.family(
    total,
    "counter",
    "Requests that reached a function, by function and HTTP status of the answer; 0 is a client that left before its answer.",
  );
  for (const { id, metrics } of seen) {
    for (const { status, count } of metrics.byStatus) text.sample(total, { function: id, status }, count);
  }
  const duration = "pilotlight_request_duration_seconds";
  text.family(
    duration,
    "histogram",
    "Seconds from the arrival of a request's head to the end of its answer, waiting included, by function and HTTP status.",
  );
  for (const { id, metrics } of seen) {
    for (const { status, latencySumUs, latencyBuckets } of metrics.byStatus) {
      text.histogram(duration, { function: id, status }, latencyBuckets, latencySumUs);
    }
  }
  const failed = "Calls that failed";
  each(text, seen, {
    pilotlight_function_errors_total: ["counter", `${failed} in any way, by function; those below are among them.`, (one) => one.errors],
    pilotlight_timeouts_total: ["counter", `${failed} because they did not end within the function's timeout.`, (one) => one.timeouts],
    pilotlight_cpu_timeouts_total: [
      "counter",
      `${failed} because the function held the processor too long without a pause.`,
      (one) => one.cpuTimeouts,
    ],
    pilotlight_out_of_memory_total: [
      "counter",
      `${failed} because the function passed its memory limit; every call open in that sandbox counts.`,
      (one) => one.outOfMemory,
    ],
  });
}

function renderColdStarts(text: Exposition, seen: readonly FunctionTotals[]): void {
  const started = seen.filter(({ metrics }) => metrics.coldStarts > 0);
  each(text, started, { pilotlight_cold_starts_total: ["counter", "Sandboxes opened, by function.", (one) => one.coldStarts] });
  const name = "pilotlight_cold_start_seconds";
  text.family(name, "histogram", "Seconds from the first call that needed a sandbox to its being open, loading and building included.");
  for (const { id, metrics } of started) text.histogram(name, { function: id }, metrics.coldStartBuckets, metrics.coldStartSumUs);
  each(text, started, {
    pilotlight_cold_start_seconds_max: ["gauge", "Seconds the slowest of these took.", (one) => one.coldStartMaxUs / US_PER_SECOND],
  });
}

function renderSandboxes(text: Exposition, seen: readonly FunctionTotals[]): void {
  const lane = "pilotlight_function_lane";
  text.family(lane, "gauge", "Workers that have a sandbox of the function open, by the lane in which its calls run there.");
  for (const { id, lanes } of seen) {
    for (const name of ["thread", "loop"] as const) text.sample(lane, { function: id, lane: name }, lanes[name]);
  }
  const start = "pilotlight_function_start_mode";
  text.family(start, "gauge", "1 for the way in which requests of a WebAssembly function get their fresh state.");
  for (const { id, metrics } of seen) if (metrics.startMode !== null) text.sample(start, { function: id, mode: metrics.startMode }, 1);
  each(text, seen, {
    pilotlight_promotions_total: ["counter", "Moves of the function from the thread lane to the loop lane.", (one) => one.promotions],
    pilotlight_demotions_total: ["counter", "Moves of the function from the loop lane to the thread lane.", (one) => one.demotions],
    pilotlight_sandboxes_open: ["gauge", "Sandboxes open now, by function.", (one) => one.sandboxesOpen],
    pilotlight_sandbox_heap_bytes: ["gauge", "Bytes of heap of these sandboxes.", (one) => one.heapUsedBytes],
    pilotlight_evictions_total: ["counter", "Idle sandboxes closed to keep within the memory budget.", (one) => one.evictions],
  });
}

function renderPools(text: Exposition, seen: readonly FunctionTotals[]): void {
  each(text, seen, {
    pilotlight_pool_in_use: ["gauge", "Calls that hold a place now, by function.", ({ pool }) => pool.inUse],
    pilotlight_pool_size: ["gauge", "Places, the sum of all workers: calls that may run at once.", ({ pool }) => pool.size],
    pilotlight_pool_waiting: ["gauge", "Calls that wait for a place now.", ({ pool }) => pool.waiting],
    pilotlight_pool_exhausted_total: [
      "counter",
      "Calls that found no place free when they came; they waited, and were let in or answered 503.",
      ({ pool }) => pool.exhausted,
    ],
  });
  const wait = "pilotlight_pool_wait_seconds";
  text.family(wait, "summary", "Seconds that calls waited for a place; those that found one free are not among them.");
  for (const { id, metrics } of seen) {
    text.sample(`${wait}_sum`, { function: id }, metrics.pool.waitSumUs / US_PER_SECOND);
    text.sample(`${wait}_count`, { function: id }, metrics.pool.waitCount);
  }
  each(text, seen, {
    pilotlight_pool_wait_seconds_max: ["gauge", "Seconds of the longest such wait.", ({ pool }) => pool.waitMaxUs / US_PER_SECOND],
  });
}

/** Process functions alone: a server without them has none of these families. */
function renderInstances(text: Exposition, seen: readonly FunctionTotals[]): void {
  const processes = seen.flatMap(({ id, metrics }) => (metrics.process === null ? [] : [{ id, metrics, process: metrics.process }]));
  if (processes.length === 0) return;
  const now = "pilotlight_instances";
  text.family(now, "gauge", "Processes of a process function now, by state.");
  for (const { id, process } of processes) {
    for (const state of INSTANCE_STATES) text.sample(now, { function: id, state }, process.instances[state]);
  }
  const way = "pilotlight_function_call_way";
  text.family(way, "gauge", "1 for the way in which a process function is called: ring, frames, http or stdio.");
  for (const { id, process } of processes) if (process.way !== null) text.sample(way, { function: id, way: process.way }, 1);
  eachStart(text, processes, "pilotlight_instance_spawn_seconds", "Seconds until the process of a new instance existed", (one) => [
    one.spawnSumMs,
    one.spawnMaxMs,
  ]);
  eachStart(text, processes, "pilotlight_instance_ready_seconds", "Seconds from there until it could take calls", (one) => [
    one.readySumMs,
    one.readyMaxMs,
  ]);
  const counter = (read: (process: ProcessMetrics) => number) => (metrics: FunctionMetrics) => read(metrics.process!);
  each(text, processes, {
    pilotlight_instance_start_failures_total: [
      "counter",
      "Starts of a process that did not come to READY.",
      counter((one) => one.failedStarts),
    ],
    pilotlight_instance_restarts_total: [
      "counter",
      "Instances that ended by a fault after they had been ready.",
      counter((one) => one.restarts),
    ],
    pilotlight_instance_health_failures_total: [
      "counter",
      "Idle instances that did not answer when asked.",
      counter((one) => one.healthFailures),
    ],
    pilotlight_calls_resent_total: [
      "counter",
      "Times that a call was given to another instance because its first was lost.",
      counter((one) => one.resentCalls),
    ],
  });
}

function eachStart(
  text: Exposition,
  processes: readonly { readonly id: string; readonly process: ProcessMetrics }[],
  name: string,
  help: string,
  read: (start: StartMetrics) => readonly [sumMs: number, maxMs: number],
): void {
  const came = processes.flatMap(({ id, process }) =>
    INSTANCE_ORIGINS.map((origin) => ({ labels: { function: id, origin }, start: process.starts[origin] })).filter(
      ({ start }) => start.count > 0,
    ),
  );
  text.family(name, "summary", `${help}, by how it came to be.`);
  for (const { labels, start } of came) {
    text.sample(`${name}_sum`, labels, read(start)[0] / MS_PER_SECOND);
    text.sample(`${name}_count`, labels, start.count);
  }
  text.family(`${name}_max`, "gauge", "Seconds the slowest of these took.");
  for (const { labels, start } of came) text.sample(`${name}_max`, labels, read(start)[1] / MS_PER_SECOND);
}

/** Families with one sample for each function. */
function each(
  text: Exposition,
  functions: readonly Pick<FunctionTotals, "id" | "metrics">[],
  families: Readonly<Record<string, readonly [kind: Kind, help: string, read: (metrics: FunctionMetrics) => number]>>,
): void {
  for (const [name, [kind, help, read]] of Object.entries(families)) {
    text.family(name, kind, help);
    for (const { id, metrics } of functions) text.sample(name, { function: id }, read(metrics));
  }
}

function renderServer(text: Exposition, totals: Totals, server: ServerGauges): void {
  const one = (name: string, kind: Kind, help: string, value: number): void => {
    text.family(name, kind, help);
    text.sample(name, {}, value);
  };
  const by = (name: string, kind: Kind, help: string, label: string, values: Readonly<Record<string, number>>): void => {
    text.family(name, kind, help);
    for (const [key, value] of Object.entries(values)) text.sample(name, { [label]: key }, value);
  };
  one(
    "pilotlight_requests_in_flight",
    "gauge",
    "Requests that are with a function now or wait for a place in its pool.",
    totals.functions.reduce((sum, { metrics: { pool } }) => sum + pool.inUse + pool.waiting, 0),
  );
  const answers = "pilotlight_server_answers_total";
  text.family(
    answers,
    "counter",
    "Requests answered without a function, by HTTP status and source: router (no such path or method), static, cors (preflights), probe, jobs (queued, or asked for).",
  );
  for (const { source, status, count } of totals.serverAnswers) text.sample(answers, { source, status }, count);
  by(
    "pilotlight_http_refused_total",
    "counter",
    "Requests and connections refused for their framing, size, timing or number, by HTTP status.",
    "status",
    totals.refusedByStatus,
  );
  one("pilotlight_gc_total", "counter", "Garbage collections of the workers' own heaps; those of sandboxes are not seen.", totals.gcCount);
  one("pilotlight_gc_pause_seconds_total", "counter", "Seconds these collections took.", totals.gcPauseSumUs / US_PER_SECOND);
  one("pilotlight_connections_open", "gauge", "Connections open now, those between workers included.", totals.connectionsOpen);
  one("pilotlight_connections_total", "counter", "Connections accepted, those between workers included.", totals.connectionsTotal);
  by("pilotlight_worker_restarts_total", "counter", "Workers that died or were replaced, by reason.", "reason", server.restartsByReason);
  const resident = Object.fromEntries(server.workers.map(({ name, residentBytes }) => [name, residentBytes]));
  by("pilotlight_worker_resident_bytes", "gauge", "Bytes of resident memory of a worker process, by worker.", "worker", resident);
  const quarantined = Object.fromEntries(server.quarantined.map((id) => [id, 1]));
  by("pilotlight_function_quarantined", "gauge", "1 for a function that is not run until its code changes.", "function", quarantined);
}

function isSeen({ metrics }: FunctionTotals): boolean {
  return metrics.byStatus.length > 0 || metrics.sandboxesOpen > 0 || metrics.coldStarts > 0 || metrics.pool.inUse > 0;
}

/** For those who count by themselves: a text to be set behind this one. */
export function exposition(): Exposition {
  return new Exposition();
}

export class Exposition {
  #text = "";

  family(name: string, kind: Kind, help: string): void {
    this.#text += `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`;
  }

  sample(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(String(text))}"`);
    this.#text += `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
  }

  /** `buckets` count each bound by itself; the format wants them cumulative. */
  histogram(name: string, labels: Labels, buckets: readonly number[], sumUs: number): void {
    let cumulative = 0;
    for (const [index, boundUs] of LATENCY_BUCKET_BOUNDS_US.entries()) {
      cumulative += buckets[index] ?? 0;
      this.sample(`${name}_bucket`, { ...labels, le: boundUs / US_PER_SECOND }, cumulative);
    }
    cumulative += buckets[LATENCY_BUCKET_BOUNDS_US.length] ?? 0;
    this.sample(`${name}_bucket`, { ...labels, le: "+Inf" }, cumulative);
    this.sample(`${name}_sum`, labels, sumUs / US_PER_SECOND);
    this.sample(`${name}_count`, labels, cumulative);
  }

  toString(): string {
    return this.#text;
  }
}

/** The format escapes exactly these three; a function id may hold any of them. */
function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
