/** When a comparison stops: real processes that do next to nothing, and a load whose figures are made up. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { ok, type Result } from "../../base/result.ts";
import { makePlan } from "../load/make-plan.ts";
import type { LoadPlan } from "../load/plan.ts";
import type { LoadResult } from "../load/result.ts";
import { unpinned } from "./cores.ts";
import { MeasuredServer, type RunLoad } from "./measure.ts";
import type { AbPlan } from "./plan.ts";
import { runAb } from "./run-ab.ts";

const skip = process.platform !== "linux" && "it reads /proc";
const SERVE = `require("node:http").createServer((q,s)=>s.end("ok")).listen(process.argv[1],"127.0.0.1")`;
const subject = { label: "X", command: (port: number) => [process.execPath, "-e", SERVE, String(port)] };

function planOf(more: Partial<AbPlan> = {}): AbPlan {
  const load = makePlan({ url: "http://127.0.0.1:1/" });
  assert.ok(load.ok);
  const measuring = { load: load.value, measuredMs: 50, warmUpMaxMs: 0, startTimeoutMs: 20_000 };
  const rule = { metric: "rps", minimumEffect: 0.03, alpha: 0.05, seed: 3 } as const;
  return { a: subject, b: subject, measuring, roundMaxCount: 2, maxMs: 600_000, ...rule, ...more };
}

/** Answers at once, with so many requests of such latencies (value, count, value, count …). */
function fakeLoad(requestCount: () => number, latencyCounts: () => readonly number[] = () => [100, 10]) {
  return async (plan: LoadPlan): Promise<Result<LoadResult>> => {
    const counts = latencyCounts();
    const latency = { medianUs: counts[0] };
    const figures = { requestCount: requestCount(), failedCount: 0, durationMs: 1_000, receivedBytes: 0, interrupted: false };
    const audit = { invalidBecause: [], achievedPerSecond: figures.requestCount };
    return ok({ plan, ...figures, latency, latencyCounts: counts, audit, errorExamples: {} } as unknown as LoadResult);
  };
}

test("it ends after its rounds, with both sides measured as often", { skip }, async () => {
  let count = 1_000;
  const ran = await runAb(planOf(), { runLoad: fakeLoad(() => (count *= 2)), pinning: unpinned("a test") });
  assert.ok(ran.ok, ran.ok ? "" : ran.failure.message);
  assert.deepEqual([ran.value.stoppedBy, ran.value.a.length, ran.value.b.length, ran.value.order.length], ["rounds", 2, 2, 2]);
});

test("it ends early once the figures are narrow enough, and not before a verdict could rest on them", { skip }, async () => {
  const ran = await runAb(planOf({ roundMaxCount: 20 }), { runLoad: fakeLoad(() => 1_000), pinning: unpinned("a test") });
  assert.ok(ran.ok);
  assert.equal(ran.value.stoppedBy, "precision");
  assert.ok(ran.value.a.length >= 6 && ran.value.a.length < 20, String(ran.value.a.length));
});

test("slices are as long as the slower side's answers need, and as long for both", { skip }, async () => {
  const durationsMs = new Map<number, number[]>();
  let portA = 0;
  const runLoad: RunLoad = (plan) => {
    const { port } = plan.target;
    portA ||= port;
    durationsMs.set(port, [...(durationsMs.get(port) ?? []), plan.durationMs!]);
    return fakeLoad(
      () => 1_000,
      () => [port === portA ? 90_000 : 600, 10],
    )(plan);
  };
  const measuring = { ...planOf().measuring, measuredMs: 20_000, warmUpMaxMs: 1_000 };
  const ran = await runAb(planOf({ measuring, roundMaxCount: 1 }), { runLoad, pinning: unpinned("a test") });
  assert.ok(ran.ok, ran.ok ? "" : ran.failure.message);
  for (const ofOne of durationsMs.values()) assert.deepEqual(ofOne.slice(-2), [10_000, 10_000]);
});

test("latency is that of all slices' requests together, so that a stall in one of them is seen", { skip }, async () => {
  // Of four slices one stalls for 5% of its requests, 1.25% of all.
  let run = 0;
  const runLoad = fakeLoad(
    () => 1_000,
    () => (run++ % 4 === 3 ? [100, 950, 50_000, 50] : [100, 1_000]),
  );
  const measuring = { ...planOf().measuring, warmUpMaxMs: 0, measuredMs: 1_000 };
  const server = await MeasuredServer.open(subject, measuring, { runLoad, pinning: unpinned("a test") });
  assert.ok(server.ok, server.ok ? "" : server.failure.message);
  for (let slice = 0; slice < 4; slice++) assert.ok((await server.value.measure(250)).ok);
  const { p50Us, p99Us } = server.value.sample();
  await server.value.stop();
  assert.equal(p50Us, 100);
  assert.ok(p99Us > 40_000, String(p99Us));
});

test("a comparison whose first round isn't done in its time says so instead of taking more", { skip }, async () => {
  const ran = await runAb(planOf({ maxMs: 1 }), { runLoad: untilAborted, pinning: unpinned("a test") });
  assert.deepEqual(ran.ok ? null : ran.failure.code, "AB_NO_TIME");
});

test("a round that is under way when the time is over is given up, and the whole ones are kept", { skip }, async () => {
  let runs = 0;
  const atOnce = fakeLoad(() => 1_000);
  // The first round is two loads. A third one ends by the time alone.
  const runLoad: RunLoad = (plan, options) => (++runs > 2 ? untilAborted(plan, options) : atOnce(plan));
  const ran = await runAb(planOf({ maxMs: 5_000, roundMaxCount: 9 }), { runLoad, pinning: unpinned("a test") });
  assert.ok(ran.ok, ran.ok ? "" : ran.failure.message);
  assert.deepEqual([ran.value.stoppedBy, ran.value.order.length], ["time", 1]);
});

test("interrupted in a later round it keeps the whole rounds", { skip }, async () => {
  const interrupt = new AbortController();
  let runs = 0;
  const runLoad = fakeLoad(() => {
    if (++runs === 3) interrupt.abort();
    return 1_000;
  });
  const tools = {
    runLoad: async (plan: LoadPlan) => (interrupt.signal.aborted ? interrupted() : runLoad(plan)),
    pinning: unpinned("a test"),
  };
  const ran = await runAb(planOf({ roundMaxCount: 9 }), { ...tools, signal: interrupt.signal });
  assert.ok(ran.ok, ran.ok ? "" : ran.failure.message);
  assert.equal(ran.value.stoppedBy, "interruption");
  assert.deepEqual([ran.value.a.length, ran.value.b.length], [1, 1]);
});

const untilAborted: RunLoad = async (_, { signal }) => {
  if (!signal!.aborted) await once(signal!, "abort");
  return interrupted();
};

function interrupted(): Result<LoadResult> {
  return { ok: false, failure: { code: "LOAD_INTERRUPTED", message: "interrupted" } };
}
