import assert from "node:assert/strict";
import { test } from "node:test";
import type { OpenArrivals } from "./arrival-times.ts";
import { backlogOf } from "./backlog.ts";

const shape = (arrivals: OpenArrivals) => ({ arrivals, durationMs: 10_000, warmUpMs: 0, seed: 1 });
const CONSTANT = shape({ kind: "constant", perSecond: 600 });

/** Due counts of 600/s for ten seconds, of which so many were answered by the middle and the end. */
const backlog = (completedByHalfCount: number, completedInTimeCount: number) =>
  backlogOf({
    shape: CONSTANT,
    durationMs: 10_000,
    dueByHalfCount: 3_000,
    dueInTimeCount: 6_000,
    completedByHalfCount,
    completedInTimeCount,
  });

test("what grows from the middle to the end is a backlog, however many times over the server is loaded", () => {
  assert.equal(backlog(1_665, 3_330), 2_670);
  assert.equal(backlog(2_700, 5_400), 600);
  assert.equal(backlog(0, 0), 6_000);
  assert.equal(backlog(2_999, 5_000), 1_000);
});

test("as many under way at the end as in the middle are no backlog, though they are many", () => {
  assert.equal(backlog(2_999, 5_999), null);
  assert.equal(backlog(2_820, 5_820), null);
  assert.equal(backlog(2_820, 5_790), null);
  assert.equal(backlog(1_800, 4_800), null);
  assert.equal(backlog(1_000, 5_990), null);
});

test("a ramp has more under way at its end, for no longer", () => {
  const ramp = shape({ kind: "ramp", fromPerSecond: 0, toPerSecond: 1_000 });
  const counts = { dueByHalfCount: 1_250, dueInTimeCount: 5_000 };
  // Each takes 400 ms.
  assert.equal(backlogOf({ shape: ramp, durationMs: 10_000, ...counts, completedByHalfCount: 1_058, completedInTimeCount: 4_608 }), null);
  assert.equal(backlogOf({ shape: ramp, durationMs: 10_000, ...counts, completedByHalfCount: 1_249, completedInTimeCount: 4_000 }), 1_000);
});

test("a few requests by chance are no backlog", () => {
  const few = shape({ kind: "poisson", perSecond: 2 });
  assert.equal(
    backlogOf({ shape: few, durationMs: 10_000, dueByHalfCount: 9, dueInTimeCount: 20, completedByHalfCount: 9, completedInTimeCount: 18 }),
    null,
  );
});
