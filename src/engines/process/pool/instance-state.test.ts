import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../../test/support/properties.ts";
import { INSTANCE_STATES, type InstanceState } from "../../../telemetry/process-metrics.ts";
import { IllegalTransition, isLegal, StateRecord } from "./instance-state.ts";

/** The reference's table, written out a second time. */
const LEGAL = new Set([
  "Uninitialized WarmSnapshot",
  "Uninitialized Running",
  "WarmSnapshot Running",
  "WarmSnapshot Uninitialized",
  "Running Suspended",
  "Running WarmSnapshot",
  "Suspended Running",
  "Suspended WarmSnapshot",
  "Suspended Uninitialized",
]);

/** By the reference's own steps. */
const WAY_TO: Readonly<Record<InstanceState, readonly InstanceState[]>> = {
  Uninitialized: [],
  WarmSnapshot: ["WarmSnapshot"],
  Running: ["Running"],
  Suspended: ["Running", "Suspended"],
};

test("exactly the reference's nine steps are legal", () => {
  for (const from of INSTANCE_STATES) {
    for (const to of INSTANCE_STATES) assert.equal(isLegal(from, to), LEGAL.has(`${from} ${to}`), `${from} to ${to}`);
  }
});

test("an illegal step names both states and changes nothing", () => {
  for (const from of INSTANCE_STATES) {
    for (const to of INSTANCE_STATES.filter((state) => !isLegal(from, state))) {
      const record = new StateRecord(0);
      for (const state of WAY_TO[from]) record.enter(state, 1);
      const steps = record.transitionCount;
      assert.throws(
        () => record.enter(to, 2),
        (error: unknown) =>
          error instanceof IllegalTransition &&
          error.from === from &&
          error.to === to &&
          error.message.includes(from) &&
          error.message.includes(to),
      );
      assert.deepEqual([record.state, record.transitionCount], [from, steps]);
    }
  }
});

test("an instance that was started, drained and stopped has its time in each state", () => {
  const record = new StateRecord(100);
  record.enter("Running", 150);
  record.enter("Suspended", 450);
  record.end(460);
  assert.equal(record.timeInMs("Uninitialized", 1_460), 50 + 1_000);
  assert.equal(record.timeInMs("Running", 1_460), 300);
  assert.equal(record.timeInMs("Suspended", 1_460), 10);
  assert.equal(record.timeInMs("WarmSnapshot", 1_460), 0);
  assert.equal(record.transitionCount, 3);
});

test("wherever an instance is, it can end, and its times add up to its age", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(...INSTANCE_STATES), fc.nat(1_000))), (steps) => {
      const record = new StateRecord(0);
      let nowMs = 0;
      for (const [to, waitMs] of steps) {
        nowMs += waitMs;
        if (isLegal(record.state, to)) record.enter(to, nowMs);
      }
      record.end(nowMs + 5);
      assert.equal(record.state, "Uninitialized");
      const totalMs = INSTANCE_STATES.reduce((sum, state) => sum + record.timeInMs(state, nowMs + 7), 0);
      assert.equal(totalMs, nowMs + 7);
    }),
  );
});
