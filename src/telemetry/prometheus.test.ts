import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { allLatencies, bury, buryFunctions, quantileUs, totalsOf } from "./aggregate.ts";
import { type FunctionMetrics, LATENCY_BUCKET_BOUNDS_US, type MetricsSnapshot } from "./metrics.ts";
import { addStarts, NO_PROCESS_METRICS, oneStart, type ProcessMetrics } from "./process-metrics.ts";
import { renderPrometheus } from "./prometheus.ts";

const NO_SERVER = { workers: [], restartsByReason: {}, quarantined: [] };

function bucketsWith(index: number, count: number): number[] {
  const buckets = new Array<number>(LATENCY_BUCKET_BOUNDS_US.length + 1).fill(0);
  buckets[index] = count;
  return buckets;
}

function functionMetrics(id: string, change: Partial<FunctionMetrics> = {}): FunctionMetrics {
  const pool = {
    inUse: 1,
    size: 8,
    waiting: 0,
    exhausted: 2,
    waitCount: 3,
    waitSumUs: 30,
    waitMaxUs: 20,
    execCount: 3,
    execSumUs: 9,
    execMaxUs: 5,
  };
  const byStatus = [{ status: 200, count: 10, latencySumUs: 600, latencyBuckets: bucketsWith(1, 10) }];
  const counts = {
    coldStarts: 1,
    coldStartSumUs: 2_000,
    coldStartMaxUs: 2_000,
    coldStartBuckets: bucketsWith(6, 1),
    promotions: 1,
    demotions: 0,
    timeouts: 0,
  };
  const rest = {
    cpuTimeouts: 0,
    outOfMemory: 0,
    evictions: 0,
    errors: 1,
    heapUsedBytes: 1_000,
    sandboxesOpen: 1,
    startMode: null,
    process: null,
  };
  return { id, engine: "javascript", lane: "loop", byStatus, pool, ...counts, ...rest, ...change };
}

function snapshot(functions: FunctionMetrics[]): MetricsSnapshot {
  const gauges = { pid: 7, residentBytes: 50_000_000, heapUsedBytes: 1, connectionsOpen: 2 };
  return {
    ...gauges,
    gcCount: 3,
    gcPauseSumUs: 1_500,
    connectionsTotal: 9,
    refusedByStatus: { 413: 1 },
    serverAnswers: [{ source: "router", status: 404, count: 2 }],
    functions,
  };
}

interface Family {
  readonly kind: string;
  readonly samples: { name: string; labels: Map<string, string>; value: number }[];
}

/** A strict reader of format 0.0.4: throws on anything a scraper might refuse. */
function parseExposition(text: string): Map<string, Family> {
  assert.ok(text.endsWith("\n"), "the last line must end with a newline");
  const families = new Map<string, Family>();
  let current = "";
  const seen = new Set<string>();
  const lines = text.slice(0, -1).split("\n");
  for (const [index, line] of lines.entries()) {
    const help = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/.exec(line);
    if (help !== null) {
      assert.ok(!families.has(help[1]!), `${help[1]} is described twice`);
      const type = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(lines[index + 1] ?? "");
      assert.equal(type?.[1], help[1], "TYPE must follow HELP");
      current = help[1]!;
      families.set(current, { kind: type![2]!, samples: [] });
      continue;
    }
    if (line.startsWith("# TYPE ")) continue;
    const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\n"])*",?)*)\})? (-?[0-9.e+-]+)$/.exec(line);
    assert.ok(sample, `not a sample: ${line}`);
    const family = families.get(current)!;
    const name = sample[1]!;
    assert.ok(
      name === current ||
        (family.kind === "histogram" && /_(bucket|sum|count)$/.test(name)) ||
        (family.kind === "summary" && /_(sum|count)$/.test(name)),
      `${name} lies in the family ${current}`,
    );
    const labels = new Map<string, string>();
    for (const [, label, value] of (sample[2] ?? "").matchAll(/([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\n"])*)"/g)) {
      assert.ok(!labels.has(label!), `${label} twice in ${line}`);
      labels.set(
        label!,
        value!.replace(/\\([\\n"])/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped)),
      );
    }
    const key = `${name}${JSON.stringify([...labels].sort())}`;
    assert.ok(!seen.has(key), `${line} is a second sample of the same series`);
    seen.add(key);
    assert.ok(Number.isFinite(Number(sample[3])));
    family.samples.push({ name, labels, value: Number(sample[3]) });
  }
  return families;
}

function sampleOf(families: Map<string, Family>, name: string, labels: Record<string, string> = {}): number | undefined {
  const wanted = Object.entries(labels);
  return families.get(name)?.samples.find((one) => wanted.every(([label, value]) => one.labels.get(label) === value))?.value;
}

test("the exposition is accepted by a strict reader and adds up the workers", () => {
  const totals = totalsOf([snapshot([functionMetrics("hello")]), snapshot([functionMetrics("hello"), functionMetrics("other")])]);
  const server = { workers: [{ name: "0", residentBytes: 5 }], restartsByReason: { signal: 2 }, quarantined: ["bomb"] };
  const families = parseExposition(renderPrometheus(totals, server));
  assert.equal(sampleOf(families, "pilotlight_requests_total", { function: "hello", status: "200" }), 20);
  assert.equal(sampleOf(families, "pilotlight_requests_total", { function: "other" }), 10);
  assert.equal(sampleOf(families, "pilotlight_function_lane", { function: "hello", lane: "loop" }), 2);
  assert.equal(sampleOf(families, "pilotlight_pool_exhausted_total", { function: "hello" }), 4);
  assert.equal(sampleOf(families, "pilotlight_pool_wait_seconds_max", { function: "hello" }), 0.00002);
  assert.equal(sampleOf(families, "pilotlight_gc_total"), 6);
  assert.equal(sampleOf(families, "pilotlight_http_refused_total", { status: "413" }), 2);
  assert.equal(sampleOf(families, "pilotlight_server_answers_total", { source: "router", status: "404" }), 4);
  assert.equal(sampleOf(families, "pilotlight_worker_restarts_total", { reason: "signal" }), 2);
  assert.equal(sampleOf(families, "pilotlight_function_quarantined", { function: "bomb" }), 1);
});

test("instances of process functions are added up by state and by how they came to be; other functions have none", () => {
  const process: ProcessMetrics = {
    ...NO_PROCESS_METRICS,
    way: "ring",
    instances: { Uninitialized: 1, WarmSnapshot: 0, Running: 2, Suspended: 0 },
    starts: { ...NO_PROCESS_METRICS.starts, started: oneStart(4, 300), forked: addStarts(oneStart(1, 2), oneStart(2, 4)) },
    restarts: 1,
    resentCalls: 3,
  };
  const worker = snapshot([functionMetrics("hello"), functionMetrics("report", { process })]);
  const families = parseExposition(renderPrometheus(totalsOf([worker, worker]), NO_SERVER));
  assert.equal(sampleOf(families, "pilotlight_instances", { function: "report", state: "Running" }), 4);
  assert.equal(sampleOf(families, "pilotlight_instances", { function: "hello" }), undefined);
  assert.equal(sampleOf(families, "pilotlight_function_call_way", { function: "report", way: "ring" }), 1);
  const ready = families.get("pilotlight_instance_ready_seconds")!.samples.filter(({ labels }) => labels.get("origin") === "forked");
  assert.deepEqual(
    ready.map(({ value }) => value),
    [0.012, 4],
  );
  assert.equal(sampleOf(families, "pilotlight_instance_ready_seconds_max", { origin: "started" }), 0.3);
  assert.equal(sampleOf(families, "pilotlight_instance_restarts_total", { function: "report" }), 2);
  assert.equal(sampleOf(families, "pilotlight_calls_resent_total", { function: "report" }), 6);
  assert.equal(
    parseExposition(renderPrometheus(totalsOf([snapshot([functionMetrics("hello")])]), NO_SERVER)).has("pilotlight_instances"),
    false,
  );
});

test("what is left of a worker that is gone counts its starts, and no instance", () => {
  const process = { ...NO_PROCESS_METRICS, instances: { ...NO_PROCESS_METRICS.instances, Running: 2 }, busyInstances: 1, failedStarts: 3 };
  const buried = bury(null, snapshot([functionMetrics("report", { process })])).functions[0]!.process!;
  assert.deepEqual([buried.instances.Running, buried.busyInstances, buried.failedStarts], [0, 0, 3]);
});

test("the server says its version, when it started, what it has used and how many requests it holds", () => {
  const own = { version: "1.2.3", nodeVersion: "26.1.0", startedAtSeconds: 1_700_000_000.5, cpuSeconds: 1.25 };
  const busy = functionMetrics("busy", { pool: { ...functionMetrics("x").pool, inUse: 3, waiting: 2 } });
  const families = parseExposition(renderPrometheus(totalsOf([snapshot([busy]), snapshot([busy])]), NO_SERVER, own));
  assert.equal(sampleOf(families, "pilotlight_build_info", { version: "1.2.3", node: "26.1.0" }), 1);
  assert.equal(sampleOf(families, "process_start_time_seconds"), 1_700_000_000.5);
  assert.equal(sampleOf(families, "process_cpu_seconds_total"), 1.25);
  assert.equal(sampleOf(families, "pilotlight_requests_in_flight"), 10);
});

test("unasked, the server speaks of the process that it is", () => {
  const families = parseExposition(renderPrometheus(totalsOf([]), NO_SERVER));
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")) as { version: string };
  assert.equal(sampleOf(families, "pilotlight_build_info", { version, node: process.versions.node }), 1);
  assert.equal(sampleOf(families, "process_start_time_seconds"), performance.timeOrigin / 1_000);
  assert.ok(sampleOf(families, "process_cpu_seconds_total")! > 0);
});

test("histogram buckets are cumulative and end with all calls", () => {
  const families = parseExposition(renderPrometheus(totalsOf([snapshot([functionMetrics("hello")])]), NO_SERVER));
  const samples = families.get("pilotlight_request_duration_seconds")!.samples;
  const buckets = samples.filter((one) => one.name.endsWith("_bucket"));
  assert.equal(buckets.length, LATENCY_BUCKET_BOUNDS_US.length + 1);
  assert.deepEqual(
    buckets.slice(0, 3).map((one) => one.value),
    [0, 10, 10],
  );
  assert.equal(buckets.at(-1)?.labels.get("le"), "+Inf");
  assert.equal(buckets.at(-1)?.value, 10);
  for (const [index, bucket] of buckets.entries()) assert.ok(bucket.value >= (buckets[index - 1]?.value ?? 0));
});

test("cold starts are a histogram of seconds over all workers", () => {
  const families = parseExposition(
    renderPrometheus(totalsOf([snapshot([functionMetrics("hello")]), snapshot([functionMetrics("hello")])]), NO_SERVER),
  );
  const name = "pilotlight_cold_start_seconds";
  assert.equal(families.get(name)?.kind, "histogram");
  const samples = families.get(name)!.samples;
  assert.equal(samples.find((one) => one.labels.get("le") === "0.001")?.value, 0);
  assert.equal(samples.find((one) => one.labels.get("le") === "0.0025")?.value, 2);
  assert.equal(samples.find((one) => one.labels.get("le") === "+Inf")?.value, 2);
  assert.equal(samples.find((one) => one.name === `${name}_sum`)?.value, 0.004);
  assert.equal(samples.find((one) => one.name === `${name}_count`)?.value, 2);
});

test("a wait for a place is told in words that match what is counted", () => {
  const text = renderPrometheus(totalsOf([snapshot([functionMetrics("hello")])]), NO_SERVER);
  assert.match(text, /# HELP pilotlight_pool_exhausted_total Calls that found no place free when they came/);
  assert.match(text, /# HELP pilotlight_pool_wait_seconds [^\n]*those that found one free are not among them/);
});

test("a hostile function id can't break out of its label", () => {
  const id = 'x"} 1\npilotlight_requests_total{function="y\\';
  const families = parseExposition(renderPrometheus(totalsOf([snapshot([functionMetrics(id)])]), NO_SERVER));
  assert.equal(sampleOf(families, "pilotlight_requests_total", { function: id }), 10);
});

test("a function that nobody called costs no sample", () => {
  const idle = functionMetrics("idle", { byStatus: [], sandboxesOpen: 0, coldStarts: 0, pool: { ...functionMetrics("x").pool, inUse: 0 } });
  assert.doesNotMatch(renderPrometheus(totalsOf([snapshot([idle])]), NO_SERVER), /idle/);
});

test("counters outlive the runtime of a function that was replaced, and its gauges do not", () => {
  const departed = buryFunctions([functionMetrics("hello"), functionMetrics("hello")]);
  const [hello] = totalsOf([snapshot([...departed, functionMetrics("hello")])]).functions;
  assert.equal(hello?.metrics.byStatus[0]?.count, 30);
  assert.equal(hello?.metrics.coldStartBuckets[6], 3);
  assert.equal(hello?.metrics.sandboxesOpen, 1);
  assert.equal(hello?.metrics.pool.size, 8);
});

test("counters outlive their worker and gauges do not", () => {
  let departed = bury(null, snapshot([functionMetrics("hello")]));
  departed = bury(departed, snapshot([functionMetrics("hello")]));
  const totals = totalsOf([departed, snapshot([functionMetrics("hello")])]);
  const [hello] = totals.functions;
  assert.equal(hello?.metrics.byStatus[0]?.count, 30);
  assert.equal(hello?.metrics.sandboxesOpen, 1);
  assert.equal(hello?.metrics.pool.inUse, 1);
  assert.equal(hello?.lanes.loop, 1);
  assert.equal(totals.connectionsTotal, 27);
  assert.equal(totals.connectionsOpen, 2);
});

test("quantiles are interpolated inside their bucket", () => {
  const buckets = bucketsWith(2, 100);
  assert.equal(quantileUs(buckets, 0.5), 75);
  assert.equal(quantileUs(buckets, 1), 100);
  assert.equal(quantileUs(bucketsWith(0, 0), 0.5), null);
  assert.equal(quantileUs(bucketsWith(LATENCY_BUCKET_BOUNDS_US.length, 1), 0.99), LATENCY_BUCKET_BOUNDS_US.at(-1));
  assert.deepEqual(allLatencies(functionMetrics("hello")), bucketsWith(1, 10));
});
