import assert from "node:assert/strict";
import { test } from "node:test";
import { StartGate } from "./start-gate.ts";

test("each failure in a row closes the gate for twice as long", () => {
  const gate = new StartGate();
  assert.equal(gate.opensInMs(0), 0);
  let nowMs = 0;
  const waits: number[] = [];
  for (let start = 0; start < 9; start++) {
    const startedMs = nowMs;
    nowMs += 5;
    gate.failed("report has no interpreter", startedMs, nowMs);
    const waitMs = gate.opensInMs(nowMs);
    waits.push(waitMs);
    nowMs += waitMs;
    assert.equal(gate.opensInMs(nowMs), 0);
  }
  assert.deepEqual(waits, [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
});

test("four starts that fail together are one failure", () => {
  const gate = new StartGate();
  for (const nowMs of [10, 11, 12, 13]) gate.failed("report ended at once", 0, nowMs);
  assert.equal(gate.opensInMs(10), 100);
  assert.equal(gate.opensInMs(110), 0);
});

test("an answer opens the gate and forgets the failures", () => {
  const gate = new StartGate();
  gate.failed("a", 0, 1);
  gate.failed("b", 200, 201);
  assert.match(gate.told(201), /^b \(the next start is tried in 200 ms\)$/);
  assert.equal(gate.isOnTrial, true);
  gate.answered();
  assert.equal(gate.opensInMs(201), 0);
  assert.equal(gate.isOnTrial, false);
  gate.failed("c", 300, 301);
  assert.equal(gate.opensInMs(301), 100);
});

test("calls wait only for a program that can start, and only for a moment", () => {
  const gate = new StartGate();
  gate.failed("report said nothing", 0, 1);
  assert.equal(gate.isWorthWaitingFor(1), false);
  let nowMs = 1_000;
  const patient: boolean[] = [];
  for (let death = 0; death < 4; death++) {
    gate.failed("report ended after READY", nowMs, nowMs + 1, true);
    nowMs += 1;
    patient.push(gate.isWorthWaitingFor(nowMs));
    nowMs += gate.opensInMs(nowMs);
  }
  assert.deepEqual(patient, [true, true, true, false]);
});
