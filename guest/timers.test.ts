/**
 * Timers: against a scripted host, whose clock and alarm the test moves, and
 * in a sandbox, where what runs between two callbacks is V8's doing.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Engine } from "../src/engines/engine.ts";
import { fakeCall } from "../test/support/fake-exchange.ts";
import { makeEngine, sourceOf } from "../test/support/javascript-subject.ts";

const HOUR_MS = 3_600_000;
/** The machine's clock, which somebody may set, and the host's, which nobody can. */
let wallMs = 1_000_000;
let monotonicMs = 5_000_000;
let alarmMs = -1;

const realNow = Date.now;
Date.now = () => wallMs;
const { connect } = await import("./bridge.ts");
const { setClock, turnClock } = await import("./clock.ts");
const timers = await import("./timers.ts");
Date.now = realNow;
connect(
  (operation, value) => {
    if (operation === "clock.now") return monotonicMs;
    if (operation === "timer.alarm") alarmMs = value as number;
    return undefined;
  },
  () => undefined,
);

function pass(ms: number): void {
  wallMs += ms;
  monotonicMs += ms;
}

/** One turn, as the host gives it when its alarm rings. */
function ring(): void {
  alarmMs = -1;
  turnClock.isSet = false;
  setClock(monotonicMs);
  timers.ring((error) => {
    throw error;
  });
  turnClock.isSet = false;
}

function ringWhileDue(): void {
  ring();
  for (let turnCount = 0; alarmMs === 0; turnCount++) {
    assert.ok(turnCount < 1_000, "the alarm never ends");
    ring();
  }
}

test("a clock that is set back or forward between turns neither stalls nor fires a timer", () => {
  const fired: string[] = [];
  for (const stepMs of [-HOUR_MS, HOUR_MS]) {
    timers.setTimeout(() => fired.push("soon"), 100);
    timers.setTimeout(() => fired.push("late"), 1_000);
    turnClock.isSet = false;
    wallMs += stepMs;
    pass(100);
    ringWhileDue();
    assert.deepEqual(fired.splice(0), ["soon"], `after a step of ${stepMs} ms`);
    assert.equal(alarmMs, 900);
    pass(900);
    ringWhileDue();
    assert.deepEqual(fired.splice(0), ["late"]);
  }
});

test("timers that are due together get a turn each, and more than a hundred share the rest", () => {
  let firedCount = 0;
  for (let count = 0; count < 150; count++) timers.setTimeout(() => firedCount++, 10);
  pass(10);
  for (let turn = 1; turn <= 100; turn++) {
    ring();
    assert.equal(firedCount, turn);
    assert.equal(alarmMs, 0);
  }
  ring();
  assert.equal(firedCount, 150);
  assert.equal(alarmMs, -1);
});

test("a timer that starts itself again waits a millisecond, whatever it asks for", () => {
  timers.setTimeout(() => timers.setTimeout(() => {}, 0), 0);
  assert.equal(alarmMs, 1);
  pass(1);
  ringWhileDue();
  assert.equal(alarmMs, 1);
  pass(1);
  ringWhileDue();
});

let engine: Engine;
before(async () => {
  engine = await makeEngine();
});
after(() => engine.close());

test("microtasks run between two timers that are due together, however many await each other", async () => {
  const code = `export default async () => {
    const log = [];
    const steps = async (name) => { for (let step = 0; step < 20; step++) await null; log.push(name + " settled"); };
    await new Promise((done) => {
      setTimeout(() => { log.push("a"); steps("a"); }, 5);
      setTimeout(() => { log.push("b"); steps("b"); }, 5);
      setTimeout(() => { log.push("c"); done(); }, 5);
    });
    return new Response(log.join());
  }`;
  const sandbox = await (await engine.prepare(await sourceOf(code))).open();
  for (let round = 0; round < 40; round++) {
    const { call, answer } = fakeCall();
    sandbox.invoke(call);
    assert.equal((await answer).body.toString(), "a,a settled,b,b settled,c");
  }
  sandbox.close();
});

test("a function that fakes its dates keeps its timers", async () => {
  const code = `Date.now = () => 0;
    export default async () => { await new Promise((resolve) => setTimeout(resolve, 5)); return new Response("fired"); }`;
  const sandbox = await (await engine.prepare(await sourceOf(code, { timeoutMs: 2_000 }))).open();
  const { call, answer } = fakeCall();
  sandbox.invoke(call);
  const { body, failure } = await answer;
  assert.equal(failure, null, failure?.message);
  assert.equal(body.toString(), "fired");
  sandbox.close();
});
