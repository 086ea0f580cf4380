/** From samples to verdict, text and stored result: no process is started here. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { noiseNotes } from "../noise/notes.ts";
import { parseReport } from "../results/schema.ts";
import { type AbRun, toReport } from "./ab-result.ts";
import { describeAa, describeAb, spread } from "./ab-text.ts";
import { judgeAb } from "./judge-ab.ts";
import { isWarm } from "./measure.ts";
import type { ProcessSample } from "./plan.ts";
import type { AbSamples } from "./run-ab.ts";

const OPTIONS = { metric: "cpu", minimumEffect: 0.03, alpha: 0.05, seed: 1 } as const;
const UNKNOWN = {
  coreCount: 2,
  governor: null,
  isTurboOn: null,
  isSmtOn: null,
  isVirtual: true,
  clockSource: null,
  cpuQuota: null,
  loadAverage: 0,
};

const CONDITIONS = {
  connections: 50,
  measuredMs: 1_000,
  warmUpMaxMs: 6_000,
  bodySha256: null,
  headers: [],
  checks: { statuses: [], headers: [], bodyIncludes: [], bodyMatches: [] },
  alpha: 0.05,
  minimumEffect: 0.03,
};

function sample(cpuUsPerRequest: number, more: Partial<ProcessSample> = {}): ProcessSample {
  return {
    bootMs: 40,
    cpuUsPerRequest,
    cpuBetweenShare: 0,
    cpuUnknownBecause: null,
    requestsPerSecond: 1e6 / cpuUsPerRequest,
    p50Us: 100,
    p99Us: Number.NaN,
    rssBytes: 60e6,
    ownPssBytes: 40e6,
    filePssBytes: 15e6,
    requestCount: 900,
    receivedBytes: 9_000,
    measuredMs: 1_000,
    sliceMs: 250,
    warmUpMs: 0,
    invalidBecause: [],
    ...more,
  };
}

/** Eight processes about a cost. */
function side(costUs: number, more: Partial<ProcessSample> = {}): ProcessSample[] {
  return [0, 4, 1, 6, 3, 7, 2, 5].map((at) => sample(costUs * (1 + at / 1_000), more));
}

function runOf(a: ProcessSample[], b: ProcessSample[], stoppedBy: AbSamples["stoppedBy"] = "rounds"): AbRun {
  const samples = { a, b, order: a.map(() => "ab"), stoppedBy, elapsedMs: 5_000 };
  const both = (name: string): { a: string; b: string } => ({ a: name, b: name });
  return {
    startedAt: "2026-11-21T09:00:00.000Z",
    labels: both("x"),
    commands: both("x {port}"),
    request: "GET /",
    seed: 1,
    conditions: CONDITIONS,
    samples,
    judgement: judgeAb(samples, OPTIONS),
    noise: noiseNotes(UNKNOWN, null, { unpinnedBecause: null, sharesCore: false }),
  };
}

test("the verdict is about the metric that was chosen, and the others stand beside it", () => {
  const { verdict, others } = judgeAb({ a: side(10), b: side(11) }, OPTIONS);
  assert.deepEqual([verdict.metric, verdict.judgement.verdict], ["cpu", "regressed"]);
  assert.deepEqual(
    others.map(({ metric }) => metric),
    ["rps", "p50", "p99", "memory", "boot"],
  );
  const rps = judgeAb({ a: side(10), b: side(11) }, { ...OPTIONS, metric: "rps" }).verdict;
  assert.deepEqual([rps.metric, rps.judgement.verdict], ["rps", "regressed"]);
});

test("a p99 that no process had the requests for is neither judged nor shown nor stored", () => {
  const run = runOf(side(10), side(10));
  assert.equal(run.judgement.others.find(({ metric }) => metric === "p99")?.judgement.verdict, "inconclusive");
  assert.match(describeAb(run), /latency p99 us +unknown +unknown +- +not judged/);
  assert.match(
    describeAb(run),
    /^not judged: latency p99 us: 16 of 16 processes don't tell: too few requests for a 99th percentile; raise --seconds$/m,
  );
  assert.doesNotMatch(describeAb(run), /NaN/);
  const names = toReport(run).report.results.map(({ name }) => name);
  assert.ok(!names.some((name) => name.endsWith("p99")));
});

test("the report names what is unstable and what is unknown", () => {
  const text = describeAb(runOf(side(10), side(10)));
  assert.match(text, /^unstable {2}virtual:/m);
  assert.match(text, /^unknown {3}governor, turbo, smt, clock, cgroup$/m);
});

test("what a side did between its slices, while the other was loaded, is told", () => {
  const run = runOf(side(10, { cpuBetweenShare: 0.004 }), side(10, { cpuBetweenShare: 0.31 }));
  assert.match(describeAb(run), /^CPU time counted that was spent between a side's own slices: A 0\.4%, B 31\.0%$/m);
});

test("pages of files are shown beside the memory that is judged, and not in it", () => {
  const run = runOf(side(10), side(10, { filePssBytes: 150e6 }));
  assert.equal(run.judgement.others.find(({ metric }) => metric === "memory")!.judgement.verdict, "equal");
  assert.match(describeAb(run), /^pages of files \(PSS\), not judged: A 14\.3 MiB, B 143 MiB; /m);
});

test("a run that was cut short says so", () => {
  assert.match(describeAb(runOf(side(10), side(10), "interruption")), /INTERRUPTED/);
});

test("what the generator disowns is not judged, and its advice on flags that aren't ours is not passed on", () => {
  const run = runOf(side(10, { invalidBecause: ["Threads were busy: use more (--threads)."] }), side(11));
  const text = describeAb(run);
  assert.match(text, /On 8 of 16 processes the load generator was the bottleneck/);
  assert.doesNotMatch(text, /--threads/);
  const unjudged = run.judgement.others.filter(({ unjudgedBecause }) => unjudgedBecause !== null).map(({ metric }) => metric);
  assert.deepEqual(unjudged, ["rps", "p50", "p99"]);
  assert.equal(run.judgement.verdict.judgement.verdict, "regressed");
});

test("CPU time of which some is forgotten gives no verdict, however cheap it looks", () => {
  const cpuUnknownBecause = "server (10) ignores SIGCHLD";
  const run = runOf(side(10), [...side(5).slice(1), sample(Number.NaN, { cpuUnknownBecause })]);
  assert.equal(run.judgement.verdict.judgement.verdict, "inconclusive");
  assert.match(describeAb(run), /^CPU us\/request: NO VERDICT: CPU time is not known: server \(10\) ignores SIGCHLD$/m);
});

test("too few rounds are said once, with the count that is needed", () => {
  const text = describeAb(runOf([sample(10)], [sample(10)]));
  assert.match(text, /NO VERDICT: 1 round is too few, 6 are needed/);
  assert.equal(text.match(/are needed/g)?.length, 1);
});

test("labels that nobody gave are not repeated, and what others wrote can't steer the terminal", () => {
  const run = runOf(side(10), side(10));
  const text = describeAb({ ...run, labels: { a: "A", b: "new" }, commands: { a: "one", b: "two\x1b[2J" } });
  assert.match(text, /^A {2}one\nB {2}new: two\\x1b\[2J$/m);
});

test("what was cut short and what was compared under which load is stored with every figure", () => {
  const { report } = toReport(runOf(side(10), side(10), "interruption"));
  for (const { metadata } of report.results) {
    assert.equal(metadata["partial_because"], "interrupted after 8 rounds");
    assert.equal((metadata["conditions"] as { connections: number }).connections, 50);
  }
  const [few] = toReport(runOf([sample(10)], [sample(10)])).report.results;
  assert.match(String(few?.metadata["partial_because"]), /after 1 round, fewer than the 6/);
});

test("memory is a benchmark of its own, in bytes", () => {
  const { report, samples } = toReport(runOf(side(10), side(10)));
  assert.equal(report.results.find(({ name }) => name === "a/memory_own_pss")?.metrics.median_bytes, 40e6);
  assert.equal(samples.get("b/memory_rss")?.length, 8);
});

test("what is stored is read back by the schema, times in nanoseconds, samples in order", () => {
  const { report, samples } = toReport(runOf(side(10), side(11)));
  const read = parseReport(JSON.stringify(report), "x.json");
  assert.ok(read.ok, read.ok ? "" : read.failure.message);
  const cpu = read.value.report.results.find(({ name }) => name === "a/cpu_per_request");
  assert.equal(cpu?.metrics.min_ns, 10_000);
  assert.deepEqual(
    samples.get("a/cpu_per_request"),
    side(10).map((one) => one.cpuUsPerRequest * 1_000),
  );
  const throughput = read.value.report.results.find(({ name }) => name === "b/throughput");
  assert.equal(throughput?.metrics.total_messages, 7_200);
});

test("the stored requests/s are those that are shown and judged, not all that were answered over the time", () => {
  const { report } = toReport(runOf(side(10, { requestsPerSecond: 850 }), side(10)));
  const { metrics } = report.results.find(({ name }) => name === "a/throughput")!;
  assert.deepEqual([metrics.messages_per_sec, metrics.bytes_per_sec], [850, 8_500]);
});

test("of a server that takes longer than a slice can bear, requests/s and latency are not judged, and CPU time is", () => {
  const slow = { p50Us: 120_000 };
  const run = runOf(side(10, slow), side(11, slow));
  const unjudged = run.judgement.others.filter(({ unjudgedBecause }) => unjudgedBecause !== null).map(({ metric }) => metric);
  assert.deepEqual(unjudged, ["rps", "p50", "p99"]);
  const { results } = toReport(run).report;
  const disowned = results.filter(({ metadata }) => metadata["unjudged_because"] !== null).map(({ name }) => name);
  assert.deepEqual(disowned, ["a/latency_p50", "a/throughput", "b/latency_p50", "b/throughput"]);
  assert.match(
    describeAb(run),
    /^not judged: requests\/s, .*: slices of 0\.25 s are too short .* raise --seconds to 9, and --max-time with it$/m,
  );
  assert.equal(run.judgement.verdict.judgement.verdict, "regressed");
});

test("an A/A run tells a noisy machine from a quiet one", () => {
  assert.match(describeAa(runOf(side(10), side(10))), /no false verdict; differences below \d/);
  assert.match(describeAa(runOf(side(10), side(12))), /FALSE VERDICT/);
  assert.match(describeAa(runOf([sample(10)], [sample(10)])), /too few rounds/);
});

test("an interval is shown where there are enough values, else the least and the greatest, so marked", () => {
  const show = (value: number): string => value.toFixed(0);
  assert.equal(spread([3, 1, 2], { show }), "2 (1 to 3)");
  assert.match(spread([1, 2, 3, 4, 5, 6, 7, 8, 9], { show }), /^5 \[\d-\d\]$/);
  assert.equal(spread([Number.NaN], { show }), "unknown");
});

test("a server is warm when two slices in a row are no cheaper than those before", () => {
  assert.equal(isWarm([22, 18, 15]), false);
  assert.equal(isWarm([22, 18, 15, 14]), false);
  assert.equal(isWarm([15, 14, 15, 12]), false, "one disturbed slice is not the end");
  assert.equal(isWarm([22, 15, 15, 15.1]), true);
});
