/**
 * Prometheus text exposition format 0.0.4, written from the totals.
 * Own code instead of prom-client: the workers count in their own arrays and
 * only plain sums arrive here, so a registry would be a second copy of every
 * counter to keep in step; what is left of the format are these few rules.
 * Functions that nobody has called yet get no samples: of a thousand deployed
 * ones, mostly idle, a scrape carries the few that did something.
 */
import type { FunctionTotals, Totals } from "./aggregate.ts";
import { LATENCY_BUCKET_BOUNDS_US } from "./metrics.ts";

export const PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export interface ServerGauges {
  readonly workers: readonly { readonly name: string; readonly residentBytes: number }[];
  readonly restartsByReason: Readonly<Record<string, number>>;
  readonly quarantined: readonly string[];
}

type Kind = "counter" | "gauge" | "histogram";
type Labels = Readonly<Record<string, string | number>>;

const US_PER_SECOND = 1_000_000;

export function renderPrometheus(totals: Totals, server: ServerGauges): string {
  const text = new Exposition();
  const seen = totals.functions.filter(isSeen);

  const each = (name: string, kind: Kind, help: string, read: (one: FunctionTotals) => number): void => {
    text.family(name, kind, help);
    for (const one of seen) text.sample(name, { function: one.id }, read(one));
  };
  const seconds = (us: number): number => us / US_PER_SECOND;

  text.family("pilotlight_requests_total", "counter", "Calls answered, by function and HTTP status.");
  for (const { id, metrics } of seen) {
    for (const { status, count } of metrics.byStatus) text.sample("pilotlight_requests_total", { function: id, status }, count);
  }
  renderDurations(text, seen);
  each("pilotlight_function_errors_total", "counter", "Calls that ended in an error of the function.", (one) => one.metrics.errors);
  each("pilotlight_cold_starts_total", "counter", "Sandboxes opened.", (one) => one.metrics.coldStarts);
  each("pilotlight_cold_start_seconds_sum", "counter", "Time spent opening sandboxes.", (one) => seconds(one.metrics.coldStartSumUs));
  each("pilotlight_cold_start_seconds_max", "gauge", "The slowest opening of a sandbox.", (one) => seconds(one.metrics.coldStartMaxUs));
  text.family("pilotlight_function_lane", "gauge", "Workers that run the function in this lane.");
  for (const { id, lanes } of seen) {
    for (const lane of ["thread", "loop"] as const) text.sample("pilotlight_function_lane", { function: id, lane }, lanes[lane]);
  }
  each("pilotlight_promotions_total", "counter", "Moves from the thread lane to the loop lane.", (one) => one.metrics.promotions);
  each("pilotlight_demotions_total", "counter", "Moves from the loop lane to the thread lane.", (one) => one.metrics.demotions);
  each("pilotlight_sandboxes_open", "gauge", "Sandboxes open now.", (one) => one.metrics.sandboxesOpen);
  each("pilotlight_sandbox_heap_bytes", "gauge", "Heap of the open sandboxes.", (one) => one.metrics.heapUsedBytes);
  each("pilotlight_timeouts_total", "counter", "Calls answered 504 because they took too long.", (one) => one.metrics.timeouts);
  each(
    "pilotlight_cpu_timeouts_total",
    "counter",
    "Sandboxes ended because they held the processor too long.",
    (one) => one.metrics.cpuTimeouts,
  );
  each("pilotlight_out_of_memory_total", "counter", "Sandboxes ended because their memory was full.", (one) => one.metrics.outOfMemory);
  each("pilotlight_evictions_total", "counter", "Idle sandboxes closed to free memory.", (one) => one.metrics.evictions);
  each("pilotlight_pool_in_use", "gauge", "Calls running now.", (one) => one.metrics.pool.inUse);
  each("pilotlight_pool_size", "gauge", "Calls that may run at once.", (one) => one.metrics.pool.size);
  each("pilotlight_pool_waiting", "gauge", "Calls waiting for a place.", (one) => one.metrics.pool.waiting);
  each("pilotlight_pool_exhausted_total", "counter", "Calls answered 503 because no place came free.", (one) => one.metrics.pool.exhausted);
  each("pilotlight_pool_wait_seconds_sum", "counter", "Time calls waited for a place.", (one) => seconds(one.metrics.pool.waitSumUs));
  each("pilotlight_pool_wait_seconds_count", "counter", "Calls that asked for a place.", (one) => one.metrics.pool.waitCount);
  each("pilotlight_pool_wait_seconds_max", "gauge", "The longest wait for a place.", (one) => seconds(one.metrics.pool.waitMaxUs));
  renderServer(text, totals, server);
  return text.toString();
}

function renderDurations(text: Exposition, functions: readonly FunctionTotals[]): void {
  const name = "pilotlight_request_duration_seconds";
  text.family(name, "histogram", "Time from request to answer, by function and HTTP status.");
  for (const { id, metrics } of functions) {
    for (const { status, count, latencySumUs, latencyBuckets } of metrics.byStatus) {
      const labels = { function: id, status };
      let cumulative = 0;
      for (const [index, boundUs] of LATENCY_BUCKET_BOUNDS_US.entries()) {
        cumulative += latencyBuckets[index] ?? 0;
        text.sample(`${name}_bucket`, { ...labels, le: boundUs / US_PER_SECOND }, cumulative);
      }
      text.sample(`${name}_bucket`, { ...labels, le: "+Inf" }, count);
      text.sample(`${name}_sum`, labels, latencySumUs / US_PER_SECOND);
      text.sample(`${name}_count`, labels, count);
    }
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
  one("pilotlight_gc_total", "counter", "Garbage collections in the workers.", totals.gcCount);
  one("pilotlight_gc_pause_seconds_total", "counter", "Time the workers stood still for them.", totals.gcPauseSumUs / US_PER_SECOND);
  one("pilotlight_connections_open", "gauge", "Client connections open now.", totals.connectionsOpen);
  one("pilotlight_connections_total", "counter", "Client connections accepted.", totals.connectionsTotal);
  by("pilotlight_http_refused_total", "counter", "Requests refused before a function was found.", "status", totals.refusedByStatus);
  by("pilotlight_worker_restarts_total", "counter", "Workers started again, by reason.", "reason", server.restartsByReason);
  const resident = Object.fromEntries(server.workers.map(({ name, residentBytes }) => [name, residentBytes]));
  by("pilotlight_worker_resident_bytes", "gauge", "Resident memory of a worker process.", "worker", resident);
  const quarantined = Object.fromEntries(server.quarantined.map((id) => [id, 1]));
  by("pilotlight_function_quarantined", "gauge", "1 for a function that is not run until its code changes.", "function", quarantined);
}

function isSeen({ metrics }: FunctionTotals): boolean {
  return metrics.byStatus.length > 0 || metrics.sandboxesOpen > 0 || metrics.coldStarts > 0 || metrics.pool.inUse > 0;
}

class Exposition {
  #text = "";

  family(name: string, kind: Kind, help: string): void {
    this.#text += `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`;
  }

  sample(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(String(text))}"`);
    this.#text += `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
  }

  toString(): string {
    return this.#text;
  }
}

/** The format escapes exactly these three; a function id may hold any of them. */
function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
