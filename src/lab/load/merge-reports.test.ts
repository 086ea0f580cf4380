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
const DURATION_MS = 2_000;
const CLOSED: Partial<LoadPlan> = { arrivals: { kind: "closed", users: 2, thinkMs: 0 }, durationMs: DURATION_MS, keepsSamples: false };

/** One thread's run of which each request, due and ended at these times on the thread's clock, passed. */
function runOf(requests: readonly (readonly [dueMs: number, endMs: number])[]): LoadResult {
  const seconds = new Seconds();
  const recorder = new Recorder(0, (point) => seconds.add(point));
  recorder.measureBetween(START_MS, START_MS + DURATION_MS);
  for (const [dueMs, endMs] of requests) {
    const opening = { connectingMs: 0, tlsMs: 0, isOpenedAhead: false };
    recorder.succeed({ intendedMs: dueMs, sentMs: dueMs, writtenMs: dueMs, firstByteMs: endMs, ...opening }, 200, endMs);
  }
  const own = { sentBytes: 0, receivedBytes: 0, connectionsOpened: 2, connectionsMaxInUse: 2, utilization: 0.1, cpuUs: 0 };
  const times = { startedAt: "2026-11-21T09:00:00.000Z", startMs: START_MS, interruptedMs: null };
  return mergeReports({ ...EXAMPLE_PLAN, ...CLOSED }, [{ ...recorder.finish(), ...own }], seconds, times);
}

test("the rate of a closed loop counts answers by when they came, also those asked for in the warm-up", () => {
  // Two users whose answers take 800 ms: five came in the two seconds, the first two of them asked for before.
  const result = runOf([
    [100, 900],
    [500, 1_300],
    [900, 1_700],
    [1_300, 2_100],
    [1_700, 2_500],
    [2_100, 2_900],
    [2_500, 3_300],
    [2_900, 3_700],
  ]);
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
  const result = runOf([
    [900, 1_700],
    [1_700, 1_800],
  ]);
  assert.deepEqual([result.requestCount, result.latency.count, result.latency.maxUs], [1, 1, 100_031]);
});
