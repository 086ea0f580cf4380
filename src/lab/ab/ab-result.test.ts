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

function sample(cpuUsPerRequest: number, more: Partial<ProcessSample> = {}): ProcessSample {
  return {
    bootMs: 40,
    cpuUsPerRequest,
    requestsPerSecond: 1e6 / cpuUsPerRequest,
    p50Us: 100,
    p99Us: Number.NaN,
    rssBytes: 60e6,
    pssBytes: 40e6,
    requestCount: 900,
    receivedBytes: 9_000,
    measuredMs: 1_000,
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
    samples,
    judgement: judgeAb(samples, OPTIONS),
    noise: noiseNotes(UNKNOWN, null, null),
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
  assert.match(describeAb(run), /latency p99 us +too few requests +too few requests/);
  const names = toReport(run).report.results.map(({ name }) => name);
  assert.ok(!names.some((name) => name.endsWith("p99")));
});

test("the report names what is unstable and what is unknown", () => {
  const text = describeAb(runOf(side(10), side(10)));
  assert.match(text, /^unstable {2}virtual:/m);
  assert.match(text, /^unknown {3}governor, turbo, smt, clock, cgroup$/m);
});

test("a run that was cut short says so", () => {
  assert.match(describeAb(runOf(side(10), side(10), "interruption")), /INTERRUPTED/);
});

test("what the generator doubts is said once, with the number of processes it doubts", () => {
  const text = describeAb(runOf(side(10, { invalidBecause: ["It was late by 3%."] }), side(10)));
  assert.equal(text.match(/It was late/g)?.length, 1);
  assert.match(text, /On 8 of 16 processes/);
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
  assert.deepEqual([throughput?.metrics.total_messages, throughput?.metrics.messages_per_sec], [7_200, 900]);
});

test("an A/A run tells a noisy machine from a quiet one", () => {
  assert.match(describeAa(runOf(side(10), side(10))), /no false verdict; differences below \d/);
  assert.match(describeAa(runOf(side(10), side(12))), /differs from itself by a "regressed": this machine is too noisy/);
  assert.match(describeAa(runOf([sample(10)], [sample(10)])), /too few samples/);
});

test("an interval is shown where there are enough values, else the least and the greatest, so marked", () => {
  const show = (value: number): string => value.toFixed(0);
  assert.equal(spread([3, 1, 2], { show }), "2 (1 to 3)");
  assert.match(spread([1, 2, 3, 4, 5, 6, 7, 8, 9], { show }), /^5 \[\d-\d\]$/);
  assert.equal(spread([Number.NaN], { show }), "too few requests");
});

test("a server is warm when two slices in a row are no cheaper than those before", () => {
  assert.equal(isWarm([22, 18, 15]), false);
  assert.equal(isWarm([22, 18, 15, 14]), false);
  assert.equal(isWarm([15, 14, 15, 12]), false, "one disturbed slice is not the end");
  assert.equal(isWarm([22, 15, 15, 15.1]), true);
});
