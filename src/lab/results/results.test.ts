import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { compareReports } from "./compare.ts";
import { historyOf, namesIn } from "./history.ts";
import { RESULT_FILE, readHistory, readStored, SAMPLES_FILE, type StoredReport, storeReport } from "./result-store.ts";
import { withSamples } from "./samples-file.ts";
import { type BenchmarkReport, parseReport, SCHEMA_VERSION } from "./schema.ts";
import { latencyMetrics } from "./summarize.ts";
import { systemInfo } from "./system-info.ts";

const work = mkdtempSync(join(tmpdir(), "pilotlight-results-"));
after(() => rmSync(work, { recursive: true }));

const OPTIONS = { minimumEffect: 0.03, alpha: 0.05, seed: 1 };

function reportOf(names: readonly string[], medianNs = 1_000, timestamp = "2026-11-21T09:00:00Z"): BenchmarkReport {
  return {
    benchmark_suite: "ab",
    version: SCHEMA_VERSION,
    timestamp,
    system_info: systemInfo(),
    results: names.map((name) => ({ name, category: "e2e", iterations: 10, metrics: { median_ns: medianNs }, metadata: {} })),
  };
}

function stored(report: BenchmarkReport, samples: Record<string, number[]> = {}): StoredReport {
  return { path: "memory", report, samples: new Map(Object.entries(samples)) };
}

/** Ten samples about a value. */
function around(value: number): number[] {
  return Array.from({ length: 10 }, (_, at) => value * (1 + ((at * 7) % 10) / 1_000));
}

test("what is stored is read back, samples in the order measured", () => {
  const values = [3, 1, 2, Number.NaN];
  const folder = storeReport(join(work, "back"), reportOf(["one"]), new Map([["one", values]]));
  assert.ok(folder.ok);
  const read = readStored(folder.value);
  assert.ok(read.ok, read.ok ? "" : read.failure.message);
  assert.deepEqual(read.value.report, reportOf(["one"]));
  assert.deepEqual(read.value.samples.get("one"), values);
});

test("the published field names are written, and no others at the top", () => {
  const folder = storeReport(join(work, "names"), reportOf(["one"]), new Map());
  assert.ok(folder.ok);
  const written = JSON.parse(readFileSync(join(folder.value, RESULT_FILE), "utf8"));
  assert.deepEqual(Object.keys(written), ["benchmark_suite", "version", "timestamp", "system_info", "results"]);
  assert.deepEqual(Object.keys(written.system_info), [
    "os",
    "os_version",
    "kernel_version",
    "cpu_model",
    "cpu_cores",
    "memory_bytes",
    "hostname",
  ]);
  assert.deepEqual(Object.keys(written.results[0]), ["name", "category", "iterations", "metrics", "metadata"]);
  assert.deepEqual(Object.keys(latencyMetrics([1, 2])), ["min_ns", "max_ns", "mean_ns", "median_ns", "p95_ns", "p99_ns", "std_dev_ns"]);
});

test("a second run in the same second gets a folder of its own", () => {
  const data = join(work, "twice");
  const folders = [1, 2, 3].map((median) => storeReport(data, reportOf(["one"], median), new Map()));
  assert.deepEqual(readdirSync(data), ["ab_2026-11-21T09-00-00Z", "ab_2026-11-21T09-00-00Z-2", "ab_2026-11-21T09-00-00Z-3"]);
  const medians = folders
    .map((folder) => readStored(folder.ok ? folder.value : ""))
    .map((read) => (read.ok ? read.value.report.results[0]!.metrics : read.failure));
  assert.deepEqual(medians, [{ median_ns: 1 }, { median_ns: 2 }, { median_ns: 3 }]);
});

test("a suite's name leads out of no folder", () => {
  const folder = storeReport(join(work, "escape"), { ...reportOf(["one"]), benchmark_suite: "../../etc/x" }, new Map());
  assert.ok(folder.ok && folder.value.startsWith(join(work, "escape/")), folder.ok ? folder.value : folder.failure.message);
});

test("a folder that can't be written is one failure that names it", () => {
  writeFileSync(join(work, "file"), "");
  const folder = storeReport(join(work, "file"), reportOf(["one"]), new Map());
  assert.match(folder.ok ? "" : folder.failure.message, /Cannot store the result in .*file/);
});

test("the Rust variant, with latency, throughput and inline samples, is read as the same figures", () => {
  const latency = { min_ns: 1, max_ns: 9, mean_ns: 4.5, median_ns: 4, p95_ns: 8, p99_ns: 9, std_dev_ns: 2, samples: [1, 4, 9] };
  const throughput = { messages_per_sec: 10, bytes_per_sec: 20, total_messages: 30, total_bytes: 40, duration_ns: 50 };
  const results = [
    { name: "spawn", category: "cold_start", iterations: 3, latency },
    { name: "ring", category: "ipc", iterations: 30, throughput, metadata: { payload_size_bytes: 64 } },
  ];
  const read = parseReport(JSON.stringify({ ...reportOf([]), results }), "rust.json");
  assert.ok(read.ok, read.ok ? "" : read.failure.message);
  const { samples: _, ...figures } = latency;
  assert.deepEqual(
    read.value.report.results.map(({ metrics }) => metrics),
    [figures, throughput],
  );
  assert.deepEqual(read.value.samples, new Map([["spawn", [1, 4, 9]]]));
});

test("the Python variant, without system_info, is read", () => {
  const { system_info: _, ...rest } = reportOf(["one"]);
  const read = parseReport(JSON.stringify({ ...rest, type: "baseline", timestamp: "2025-12-27T14:21:51.433584+00:00" }), "python.json");
  assert.ok(read.ok);
  assert.equal(read.value.report.system_info, null);
});

test("another version or shape is refused with what is wrong about it", () => {
  const good = reportOf(["one"]);
  const [one] = good.results;
  const cases: [unknown, RegExp][] = [
    [{ ...good, version: "2.0.0" }, /version "2\.0\.0", not 0\.1\.0/],
    [[], /no object/],
    [{ ...good, benchmark_suite: 1 }, /benchmark_suite is missing or no text/],
    [{ ...good, timestamp: "yesterday" }, /timestamp is no time/],
    [{ ...good, system_info: "here" }, /system_info is no object/],
    [{ ...good, results: {} }, /results are no list/],
    [{ ...good, results: [one, one] }, /results\[1\] has the name of another: "one"/],
    [{ ...good, results: [{ ...one, metrics: undefined }] }, /results\[0\] has neither metrics nor latency nor throughput/],
    [{ ...good, results: [{ ...one, metrics: { median_ns: "12" } }] }, /median_ns that is no number/],
    [{ ...good, results: [{ ...one, metrics: { median_us: 12 } }] }, /no figure that this program knows/],
    [{ ...good, results: [{ ...one, iterations: null }] }, /no number of iterations/],
    [{ ...good, results: [{ ...one, iterations: -1 }] }, /iterations below zero/],
    [{ ...good, results: [{ ...one, metrics: { median_ns: -5 } }] }, /median_ns below zero/],
    [{ schema: "pilotlight-load/1", request_count: 5 }, /one run of `pilotlight load`.*bench ab/],
  ];
  for (const [value, message] of cases) {
    const read = parseReport(JSON.stringify(value), "x.json");
    assert.match(read.ok ? "" : read.failure.message, message);
    assert.match(read.ok ? "" : read.failure.message, /x\.json/);
  }
  assert.match(String((parseReport("{", "x.json") as { failure?: { message: string } }).failure?.message), /no JSON/);
});

/** A run of `bench ab` as it is stored: each side's samples of one figure, by round. */
function abRun(
  a: number[],
  b: number[],
  more: { figure?: string; commandA?: string; metadata?: Record<string, unknown> } = {},
): StoredReport {
  const { figure = "cpu_per_request", commandA = "node base.js", metadata = {} } = more;
  const metrics = figure === "throughput" ? { messages_per_sec: 1 } : { median_ns: 1 };
  const of = (side: "a" | "b") => ({
    ...{ name: `${side}/${figure}`, category: "e2e", iterations: 10, metrics },
    metadata: { side, label: side, command: side === "a" ? commandA : "node new.js", ...metadata },
  });
  return stored({ ...reportOf([]), results: [of("a"), of("b")] }, { [`a/${figure}`]: a, [`b/${figure}`]: b });
}

test("two runs of other sides are put beside each other, with the warning that they were not interleaved and no verdict", () => {
  const { benchmarks, verdicts, warnings } = compareReports(
    abRun(around(1_000), around(1_000)),
    abRun(around(1_200), around(1_200), { commandA: "node old.js" }),
    OPTIONS,
  );
  assert.deepEqual(
    benchmarks.map(({ name, judgement, unjudgedBecause }) => [name, judgement, unjudgedBecause]),
    [
      ["a/cpu_per_request", null, "not interleaved"],
      ["b/cpu_per_request", null, "not interleaved"],
    ],
  );
  assert.deepEqual(verdicts, ["inconclusive", "inconclusive"]);
  assert.match(warnings[0] ?? "", /^the two runs were not interleaved/);
});

test("two runs with the same side A are compared by their ratios to it, whatever the machine was on each day", () => {
  const slowDay = abRun(around(2_000), around(2_400).toReversed());
  const { benchmarks, verdicts, warnings, hasCommonSide } = compareReports(
    abRun(around(1_000), around(1_000).toReversed()),
    slowDay,
    OPTIONS,
  );
  assert.equal(hasCommonSide, true);
  const [common, compared] = benchmarks;
  assert.equal(common!.unjudgedBecause, "the common side");
  assert.equal(compared!.judgement?.verdict, "regressed");
  assert.ok(Math.abs(compared!.ratio! - 1.2) < 0.01, String(compared!.ratio));
  assert.equal(compared!.ratio, compared!.b / compared!.a);
  assert.deepEqual(verdicts, ["regressed"]);
  assert.deepEqual(
    warnings.filter((warning) => warning.includes("interleaved")),
    [],
  );
});

test("a machine that was twice as slow on the second day makes no difference of what stood beside the same side A", () => {
  const { verdicts } = compareReports(abRun(around(1_000), around(900)), abRun(around(2_000), around(1_800)), OPTIONS);
  assert.deepEqual(verdicts, ["equal"]);
});

test("more throughput against the same side A is an improvement", () => {
  const figure = "throughput";
  const { verdicts } = compareReports(abRun(around(100), around(100), { figure }), abRun(around(100), around(130), { figure }), OPTIONS);
  assert.deepEqual(verdicts, ["improved"]);
});

test("figures that a run disowned when it stored them are not judged later", () => {
  const figure = "throughput";
  const disowned = { invalid_because: around(1).map((_, at) => (at < 4 ? ["The load threads were busy"] : [])) };
  const [good, bad] = [abRun(around(100), around(100), { figure }), abRun(around(100), around(130), { figure, metadata: disowned })];
  const { benchmarks, verdicts } = compareReports(good, bad, OPTIONS);
  assert.equal(benchmarks[1]!.unjudgedBecause, "the load generator disowns its own figures on 8 of 20 processes");
  assert.deepEqual(verdicts, ["inconclusive"]);
  const metadata = { unjudged_because: "slices are too short" };
  const [, named] = compareReports(good, abRun(around(100), around(130), { figure, metadata }), OPTIONS).benchmarks;
  assert.equal(named!.unjudgedBecause, "slices are too short");
});

test("what only one of two runs has is named", () => {
  const { onlyInA, onlyInB } = compareReports(stored(reportOf(["one", "old"])), stored(reportOf(["one", "new"])), OPTIONS);
  assert.deepEqual([onlyInA, onlyInB], [["old"], ["new"]]);
});

test("columns and ratio are of one statistic, the samples', and a stored median that is another is named", () => {
  const a = stored(reportOf(["cpu"], 5_000), { cpu: around(1_000) });
  const b = stored(reportOf(["cpu"], 2_009), { cpu: around(2_000) });
  const { benchmarks, warnings } = compareReports(a, b, OPTIONS);
  const [cpu] = benchmarks;
  assert.equal(cpu?.ratio, cpu!.b / cpu!.a);
  assert.equal(cpu?.ratio, 2);
  assert.match(warnings.join("; "), /cpu of A: its stored median is not that of its samples/);
  assert.doesNotMatch(warnings.join("; "), /of B/);
});

test("a round of which one side couldn't be measured is left out and spoils no figure", () => {
  const a = abRun([...around(1_000), Number.NaN], [...around(1_000), 1_000]);
  const b = abRun([Number.NaN], [1_000]);
  assert.deepEqual(compareReports(a, a, OPTIONS).verdicts, ["equal"]);
  const [, none] = compareReports(a, b, OPTIONS).benchmarks;
  assert.deepEqual([none!.judgement, none!.unjudgedBecause], [null, "no samples"]);
});

function about(metadata: Record<string, unknown>, timestamp = "2026-11-21T09:00:00Z", medianNs = 1_000): StoredReport {
  const report = reportOf(["a/cpu"], medianNs, timestamp);
  return stored({ ...report, results: report.results.map((result) => ({ ...result, metadata })) });
}

test("a comparison of other commands, other loads or partial runs says so", () => {
  const load = { connections: 50, seconds: 1 };
  const a = about({ command: "node old.js", conditions: load });
  const b = about({ command: "node new.js", conditions: { ...load, connections: 10 }, partial_because: "interrupted after 2 rounds" });
  const { warnings } = compareReports(a, b, OPTIONS);
  assert.match(warnings.join("; "), /a\/cpu: A and B differ in their command, connections; B is no whole run: interrupted after 2 rounds/);
});

test("histories of other commands are apart, and partial runs and other machines are in no baseline", () => {
  const day = (n: number): string => `2026-11-0${n}T00:00:00Z`;
  const elsewhere = about({ command: "x" }, day(3), 100);
  const runs = [
    about({ command: "x" }, day(1), 1_000),
    about({ command: "x", partial_because: "interrupted" }, day(2), 50),
    { ...elsewhere, report: { ...elsewhere.report, system_info: { ...systemInfo(), hostname: "elsewhere" } } },
    { ...elsewhere, report: { ...elsewhere.report, system_info: null } },
    about({ command: "x" }, day(4), 1_100),
    about({ command: "y" }, day(5), 9_000),
  ];
  const [x, y, ...others] = historyOf(runs, null);
  assert.equal(others.length, 0);
  assert.deepEqual(
    x!.points.map(({ change }) => change),
    [null, null, null, null, 1_100 / 1_000 - 1],
  );
  assert.deepEqual([x!.subject, y!.subject, y!.points[0]!.change], ["x", "y", null]);
});

test("a history is found by the last part of its name too", () => {
  const runs = [stored(reportOf(["a/cpu_per_request", "b/boot"]))];
  for (const name of ["ab", "a/cpu", "cpu", "ab/a/cpu_per_request"])
    assert.equal(historyOf(runs, name)[0]?.name, "a/cpu_per_request", name);
  assert.deepEqual(historyOf(runs, "request"), []);
  assert.deepEqual(namesIn(runs), ["ab/a/cpu_per_request", "ab/b/boot"]);
});

test("one entry that can't be looked at hides no other, and what is no file is not waited for", () => {
  const data = join(work, "odd");
  assert.ok(storeReport(data, reportOf(["one"]), new Map()).ok);
  symlinkSync("loop.json", join(data, "loop.json"));
  symlinkSync("/dev/zero", join(data, "zero.json"));
  symlinkSync("folder", join(data, "folder"));
  const runs = readHistory(data);
  assert.ok(runs.ok);
  assert.equal(runs.value.filter((run) => run.ok).length, 1);
  assert.deepEqual(
    runs.value.flatMap((run) => (run.ok ? [] : [/zero.json: it is no file|loop.json: ELOOP/.test(run.failure.message)])),
    [true, true],
  );
});

test("a file that stands alone carries its samples", () => {
  const samples = new Map([["one", [1, Number.NaN, 3]]]);
  const read = parseReport(JSON.stringify(withSamples(reportOf(["one"]), samples)), "x.json");
  assert.ok(read.ok);
  assert.deepEqual(read.value.samples, samples);
});

test("results of different machines are compared with a warning that names the difference", () => {
  const other = { ...systemInfo(), hostname: "elsewhere", cpu_cores: 999 };
  const { warnings } = compareReports(stored(reportOf(["one"])), stored({ ...reportOf(["one"]), system_info: other }), OPTIONS);
  assert.match(warnings.join(), /different machines \(hostname, cpu_cores\)/);
});

test("history is in the order of time, and a last run that departs from those before is noted", () => {
  const data = join(work, "history");
  for (const [day, median] of [
    [3, 1_300],
    [1, 1_000],
    [2, 1_010],
  ] as const)
    assert.ok(storeReport(data, reportOf(["boot", "cpu"], median, `2026-11-0${day}T00:00:00Z`), new Map()).ok);
  mkdirSync(join(data, "notes"));
  writeFileSync(join(data, "broken.json"), "{");
  const runs = readHistory(data);
  assert.ok(runs.ok);
  assert.equal(runs.value.filter((run) => !run.ok).length, 1);
  const [boot, ...others] = historyOf(
    runs.value.flatMap((run) => (run.ok ? [run.value] : [])),
    "boot",
  );
  assert.equal(others.length, 0);
  assert.deepEqual(
    boot!.points.map(({ value }) => value),
    [1_000, 1_010, 1_300],
  );
  assert.equal(boot!.points[0]!.change, null);
  assert.match(boot!.notes.join(), /29% above the median of those before/);
});

test("samples that are none make the run unreadable instead of unjudged", () => {
  const folder = storeReport(join(work, "spoilt"), reportOf(["one"]), new Map());
  assert.ok(folder.ok);
  chmodSync(join(folder.value, SAMPLES_FILE), 0o600);
  writeFileSync(join(folder.value, SAMPLES_FILE), '{"name":"one","values":"many"}\n');
  const read = readStored(folder.value);
  assert.match(read.ok ? "" : read.failure.message, /holds no samples/);
});
