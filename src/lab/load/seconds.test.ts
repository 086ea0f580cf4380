import assert from "node:assert/strict";
import { test } from "node:test";
import { EXAMPLE_PLAN } from "../../../test/support/example-result.ts";
import { Seconds } from "./seconds.ts";
import type { ThreadSecond } from "./thread-messages.ts";

const point = (second: number, latencies: readonly number[], failedCount = 0): ThreadSecond => ({
  second,
  completedCount: latencies.length + failedCount,
  failedCount,
  latency: Float64Array.from(latencies.flatMap((us) => [us, 1])),
});

test("quantiles of a second are those of all threads together", () => {
  const seconds = new Seconds();
  seconds.add(point(0, [100, 200]));
  seconds.add(point(1, [900]));
  seconds.add(point(0, [200, 300, 400], 2));
  const [first, second] = seconds.points(EXAMPLE_PLAN, 2_000);
  assert.deepEqual(first, { second: 0, targetCount: 1_000, completedCount: 7, failedCount: 2, latencyCount: 5, medianUs: 200, p99Us: 400 });
  assert.equal(second!.medianUs, 900);
  assert.equal(seconds.latestP99Us, 900);
});

test("a second in which nothing ended has no latency", () => {
  const seconds = new Seconds();
  seconds.add(point(2, [100]));
  assert.deepEqual(
    seconds.points(EXAMPLE_PLAN, 3_000).map(({ latencyCount, medianUs }) => [latencyCount, medianUs]),
    [
      [0, 0],
      [0, 0],
      [1, 100],
    ],
  );
});

test("a second takes as much memory as it has values, so that a day of them fits", () => {
  const seconds = new Seconds();
  const before = process.memoryUsage().arrayBuffers;
  for (let second = 0; second < 2_000; second++) seconds.add(point(second, [100, 200, 300]));
  const bytesPerSecond = (process.memoryUsage().arrayBuffers - before) / 2_000;
  assert.equal(seconds.latencies.length, 2_000);
  assert.ok(bytesPerSecond < 500, `${bytesPerSecond} bytes a second`);
});
