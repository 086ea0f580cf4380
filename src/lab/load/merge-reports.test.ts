/** From what one thread recorded to the figures of the run. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EXAMPLE_PLAN } from "../../../test/support/example-result.ts";
import { mergeReports } from "./merge-reports.ts";
import type { LoadPlan } from "./plan.ts";
import { Recorder } from "./recorder.ts";
import type { LoadResult } from "./result.ts";
import { Seconds } from "./seconds.ts";

const START_MS = 1_000;
const CLOSED: Partial<LoadPlan> = { arrivals: { kind: "closed", users: 2, thinkMs: 0 }, keepsSamples: false };

interface Recorded {
  /** On the thread's clock; all of them passed. */
  readonly requests: readonly (readonly [dueMs: number, endMs: number])[];
  readonly droppedCount?: number;
  readonly durationMs?: number;
}

/** One thread's run. */
function runOf({ requests, droppedCount = 0, durationMs = 2_000 }: Recorded): LoadResult {
  const seconds = new Seconds();
  const recorder = new Recorder(0, (point) => seconds.add(point));
  recorder.measureBetween(START_MS, START_MS + durationMs);
  for (const [dueMs, endMs] of requests) {
    const opening = { connectingMs: 0, tlsMs: 0, isOpenedAhead: false };
    recorder.succeed({ intendedMs: dueMs, sentMs: dueMs, writtenMs: dueMs, firstByteMs: endMs, ...opening }, 200, endMs);
  }
  for (let count = 0; count < droppedCount; count++) recorder.drop(START_MS, START_MS + durationMs);
  const own = { sentBytes: 0, receivedBytes: 0, connectionsOpened: 2, connectionsMaxInUse: 2, utilization: 0.1, cpuUs: 0 };
  const times = { startedAt: "2026-11-21T09:00:00.000Z", startMs: START_MS, interruptedMs: null };
  return mergeReports({ ...EXAMPLE_PLAN, ...CLOSED, durationMs }, [{ ...recorder.finish(), ...own }], seconds, times);
}

test("the rate of a closed loop counts answers by when they came, also those asked for in the warm-up", () => {
  // Two users whose answers take 800 ms: five came in the two seconds, the first two of them asked for before.
  const dueMs = [100, 500, 900, 1_300, 1_700, 2_100, 2_500, 2_900];
  const result = runOf({ requests: dueMs.map((due) => [due, due + 800]) });
  assert.equal(result.passedPerSecond, 2.5);
  assert.equal(result.audit.achievedPerSecond, 2.5);
  assert.deepEqual(
    result.perSecond.map(({ completedCount, latencyCount }) => [completedCount, latencyCount]),
    [
      [2, 0],
      [3, 3],
      [2, 2],
    ],
  );
});

test("what was due in the warm-up is in no count of requests and no latency", () => {
  const requests = [
    [900, 1_700],
    [1_700, 1_800],
  ] as const;
  const result = runOf({ requests });
  assert.deepEqual([result.requestCount, result.latency.count, result.latency.maxUs], [1, 1, 100_031]);
});

test("a quantile that requests without an answer could move has no interval", () => {
  const requests = Array.from({ length: 12_000 }, (_, index) => [START_MS + index, START_MS + index + 1 + (index % 50)] as const);
  const known = (droppedCount: number) =>
    runOf({ requests, droppedCount, durationMs: 12_000 }).latencyIntervals.map(({ quantile }) => quantile);
  assert.deepEqual(known(0), [0.5, 0.9, 0.95, 0.99, 0.999]);
  assert.deepEqual(known(50), [0.5, 0.9, 0.95]);
  assert.deepEqual(known(6_000), []);
});
