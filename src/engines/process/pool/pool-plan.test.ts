import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../../test/support/properties.ts";
import { type PoolFacts, planStarts, planStops, SCALE_UP_WAIT_MS } from "./pool-plan.ts";

const EMPTY: PoolFacts = {
  instanceMin: 0,
  instanceMax: 4,
  concurrency: 1,
  isOneCallEach: false,
  runningCount: 0,
  startingCount: 0,
  leavingCount: 0,
  waitingCount: 0,
  waitedMs: 0,
};

function starts(facts: Partial<PoolFacts>): number {
  return planStarts({ ...EMPTY, ...facts }).startCount;
}

test("nothing is started for nobody, and the minimum is kept", () => {
  assert.equal(starts({}), 0);
  assert.equal(starts({ instanceMin: 2 }), 2);
  assert.equal(starts({ instanceMin: 2, runningCount: 1 }), 1);
  assert.equal(starts({ instanceMin: 2, runningCount: 1, startingCount: 1 }), 0);
});

test("from nothing, as many are started as calls wait, up to the maximum", () => {
  assert.equal(starts({ waitingCount: 1 }), 1);
  assert.equal(starts({ waitingCount: 3 }), 3);
  assert.equal(starts({ waitingCount: 30 }), 4);
  assert.equal(starts({ waitingCount: 30, concurrency: 10 }), 3);
  assert.equal(starts({ waitingCount: 3, startingCount: 2 }), 1);
});

test("behind busy instances a call waits a moment before another is started for it", () => {
  const busy = { ...EMPTY, runningCount: 1, waitingCount: 2 };
  assert.deepEqual(planStarts(busy), { startCount: 0, againInMs: SCALE_UP_WAIT_MS });
  assert.deepEqual(planStarts({ ...busy, waitedMs: SCALE_UP_WAIT_MS }), { startCount: 2, againInMs: null });
  assert.deepEqual(planStarts({ ...busy, runningCount: 4 }), { startCount: 0, againInMs: null });
});

test("where every call has an instance of its own, busy ones are not waited for", () => {
  assert.equal(starts({ isOneCallEach: true, runningCount: 2, waitingCount: 2, concurrency: 8 }), 2);
});

test("instances that can't be got rid of stop new ones at twice the maximum", () => {
  assert.equal(starts({ waitingCount: 9, leavingCount: 4 }), 4);
  assert.equal(starts({ waitingCount: 9, leavingCount: 6 }), 2);
  assert.equal(starts({ waitingCount: 9, leavingCount: 8 }), 0);
});

test("there are never more that take calls than the maximum, and calls that wait with none present always get one", () => {
  const facts = fc.record({
    instanceMin: fc.nat(4),
    instanceMax: fc.integer({ min: 4, max: 9 }),
    concurrency: fc.integer({ min: 1, max: 20 }),
    isOneCallEach: fc.boolean(),
    runningCount: fc.nat(4),
    startingCount: fc.nat(4),
    leavingCount: fc.nat(4),
    waitingCount: fc.nat(300),
    waitedMs: fc.nat(50),
  });
  fc.assert(
    fc.property(facts, (one) => {
      const { startCount } = planStarts(one);
      assert.ok(startCount >= 0);
      assert.ok(startCount === 0 || one.runningCount + one.startingCount + startCount <= one.instanceMax);
      assert.ok(startCount === 0 || one.runningCount + one.startingCount + one.leavingCount + startCount <= 2 * one.instanceMax);
      if (one.waitingCount > 0 && one.runningCount + one.startingCount === 0) assert.ok(startCount > 0);
    }),
  );
});

test("those idle longest are stopped first, and the minimum stays", () => {
  const idle = [{ idleSinceMs: 50 }, { idleSinceMs: 10 }, { idleSinceMs: 30 }];
  const limits = { instanceMin: 1, idleTimeoutMs: 100 };
  assert.deepEqual(planStops(idle, 3, limits, 130), [{ idleSinceMs: 10 }, { idleSinceMs: 30 }]);
  assert.deepEqual(planStops(idle, 3, limits, 200), [{ idleSinceMs: 10 }, { idleSinceMs: 30 }]);
  assert.deepEqual(planStops(idle, 3, { ...limits, instanceMin: 0 }, 200).length, 3);
  assert.deepEqual(planStops(idle, 3, limits, 100), []);
});
