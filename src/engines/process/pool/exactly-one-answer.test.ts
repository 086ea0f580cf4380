/**
 * The rule on which the pool rests, tried with processes that fail in every way
 * and at every moment: each call ends exactly once, in time, and is given to a
 * second process only where it may be.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type CountedCall, countedCall } from "../../../../test/support/counted-call.ts";
import { type CallScript, FakeMachine, type ProcessScript } from "../../../../test/support/fake-processes.ts";
import fc from "../../../../test/support/properties.ts";
import { VirtualClock } from "../../../../test/support/virtual-clock.ts";
import { PROCESS_DEFAULTS } from "../../../config/process-settings.ts";
import { INSTANCE_STATES } from "../../../telemetry/process-metrics.ts";
import type { EngineSource } from "../../engine.ts";
import type { LinkWay } from "../links/link.ts";
import { ProcessEngine } from "../process-engine.ts";
import { RESENDS_MAX } from "./call-end.ts";

/** Lives of a pool, each of about a hundred calls. */
const RUNS = 160;
const TIMEOUT_MS = 400;
/** Longer than everything that a pool may still have to do when its calls have ended. */
const LATER_MS = 60_000;

const settings = fc.record({
  way: fc.constantFrom<LinkWay>("ring", "frames", "http", "stdio"),
  isGuessed: fc.boolean(),
  instanceMax: fc.integer({ min: 1, max: 4 }),
  instanceMin: often(0, 1, 2),
  concurrency: often(1, 2, 8),
  queueMax: often(256, 4, 0),
  freshState: often(false, true),
  healthIntervalMs: often(1_000, 50, 0),
  idleTimeoutMs: often(300, 20, 60_000),
  stopTimeoutMs: often(200, 10, 0),
});

const processScript: fc.Arbitrary<ProcessScript> = fc.record({
  launchMs: fc.nat(10),
  launch: often("works", "works", "works", "fails", "throws"),
  readyMs: fc.nat(40),
  ready: often("says so", "says so", "says so", "says nothing", "exits"),
  livesMs: often<number | null>(null, 0, 20, 100, 900),
  concurrency: fc.option(fc.integer({ min: 1, max: 4 })),
  ignoresTerm: fc.boolean(),
  isWell: often(true, false),
  isOverMemory: often(false, true),
});

const callScript: fc.Arbitrary<CallScript> = fc.record({
  does: often("answer", "answer", "stream", "throw", "never", "unsent", "crash", "lose", "break off", "mumble"),
  afterMs: fc.oneof({ weight: 8, arbitrary: fc.nat(15) }, { weight: 1, arbitrary: fc.nat(600) }),
  cancel: fc.constantFrom("at once", "later", "never"),
});

const arrival = fc.record({
  gapMs: fc.constantFrom(0, 0, 1, 5, 20, 50),
  method: fc.constantFrom("GET", "POST", "PUT", "DELETE", "PATCH"),
  isBodyWhole: often(true, false),
  leavesMs: often<number | null>(null, 0, 5, 30, 100),
});

/** What is done to the pool meanwhile, and before which call. */
const disturbance = fc.record({
  beforeCall: fc.nat(300),
  how: often("kill all", "warm up", "retire", "close"),
});

/** The first of them mostly. */
function often<Value>(usual: Value, ...rare: Value[]): fc.Arbitrary<Value> {
  return fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(usual, ...rare) });
}

type Drawn<Arbitrary> = Arbitrary extends fc.Arbitrary<infer Value> ? Value : never;

let callCount = 0;
let answeredCount = 0;
let resentCount = 0;

test("every call ends exactly once, in time, and reaches a second process only where it may", { timeout: 300_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      settings,
      fc.array(processScript, { minLength: 1, maxLength: 12 }),
      fc.array(callScript, { minLength: 1, maxLength: 40 }),
      fc.array(arrival, { minLength: 60, maxLength: 160 }),
      fc.array(disturbance, { maxLength: 3 }),
      live,
    ),
    { numRuns: RUNS },
  );
  assert.ok(callCount >= 10_000, `${callCount} calls`);
  // Processes that only fail would prove little.
  assert.ok(answeredCount > callCount / 3, `${answeredCount} of ${callCount} calls were answered`);
  assert.ok(resentCount > callCount / 100, `${resentCount} of ${callCount} calls were sent again`);
});

/** One life of a pool, from its opening to its end. */
async function live(
  { way, isGuessed, freshState, ...limits }: Drawn<typeof settings>,
  processScripts: readonly ProcessScript[],
  callScripts: readonly CallScript[],
  arrivals: readonly Drawn<typeof arrival>[],
  disturbances: readonly Drawn<typeof disturbance>[],
): Promise<void> {
  const clock = new VirtualClock();
  /** By their request's id. */
  const calls = new Map<string, CountedCall>();
  const reached = new Map<string, number[]>();
  const { instanceMax, concurrency } = limits;
  const machine = new FakeMachine({
    clock,
    way,
    instanceMax,
    concurrency: freshState && way !== "stdio" ? 1 : concurrency,
    processes: inTurn(processScripts),
    calls: inTurn(callScripts),
    reached({ requestId, exchange }, instance) {
      assert.deepEqual(calls.get(requestId)!.ends, [], "a call was sent after it had ended");
      assert.equal(exchange.aborted, false, "a call was sent for a client that has left");
      reached.set(requestId, [...(reached.get(requestId) ?? []), instance]);
    },
  });
  const engine = new ProcessEngine({ launcherOf: () => machine, linksOf: () => machine, onGuestLog: () => {}, clock });
  const process = { ...PROCESS_DEFAULTS, ...limits, call: isGuessed ? ("auto" as const) : way };
  const template = await engine.prepare({
    functionId: "report",
    memoryMaxBytes: 1_000,
    timeoutMs: TIMEOUT_MS,
    freshState,
    process,
  } as EngineSource);
  const sandbox = await template.open();

  for (const [number, { gapMs, method, isBodyWhole, leavesMs }] of arrivals.entries()) {
    for (const { how } of disturbances.filter(({ beforeCall }) => beforeCall === number)) {
      if (how === "retire") sandbox.retire();
      if (how === "close") sandbox.close();
      if (how === "warm up") void sandbox.warmUp();
      if (how === "kill all") for (const one of [...machine.living]) one.die(null, "SIGKILL");
    }
    await clock.pass(gapMs);
    const cameMs = clock.nowMs();
    const counted = countedCall(number, { method, isBodyWhole }, () => {
      assert.equal(counted.call.exchange.aborted, false, "a client that has left was told an end");
      const isLate = clock.nowMs() > cameMs + TIMEOUT_MS;
      assert.ok(!isLate || counted.call.exchange.answered, `a call without an answer ended ${clock.nowMs() - cameMs} ms after it came`);
    });
    calls.set(counted.call.requestId, counted);
    callCount++;
    sandbox.invoke(counted.call);
    if (leavesMs !== null) clock.after(leavesMs, counted.leave);
  }
  await clock.pass(LATER_MS);

  for (const { call, number, ends } of calls.values()) {
    assert.equal(ends.length, call.exchange.aborted ? 0 : 1, `call ${number} ended ${ends.length} times: ${ends.join(", ")}`);
    if (ends[0] === "answered") answeredCount++;
    const { method, body } = call.exchange;
    const processes = reached.get(call.requestId) ?? [];
    // What a first start was shown had been read to its end.
    const isBodyWhole = body.complete || isGuessed;
    const mayReach = method !== "POST" && method !== "PATCH" && isBodyWhole ? 1 + RESENDS_MAX : 1;
    assert.ok(processes.length <= mayReach, `${method} call ${number} was given to ${processes.length} processes`);
  }
  assert.equal(sandbox.busyCount, 0);
  sandbox.close();
  template.close();
  await clock.pass(LATER_MS);
  assert.deepEqual(machine.faults, []);
  assert.equal(machine.living.size, 0, "a process outlived its pool");
  assert.equal(machine.closeCount, 1, "the launcher was not closed with the last pool, once");
  assert.equal(clock.pendingCount, 0, "a closed pool still waits for something");
  const metrics = template.processMetrics();
  assert.equal(
    INSTANCE_STATES.reduce((sum, state) => sum + metrics.instances[state], 0),
    0,
  );
  assert.equal(metrics.waitingCalls, 0);
  resentCount += metrics.resentCalls;
}

/** One after the other, and again from the beginning. */
function inTurn<Script>(scripts: readonly Script[]): () => Script {
  let at = 0;
  return () => scripts[at++ % scripts.length]!;
}
