import assert from "node:assert/strict";
import { test } from "node:test";
import { censoredDistribution } from "./censored-distribution.ts";
import { UsHistogram } from "./histogram.ts";
import type { ValueCounts } from "./value-counts.ts";

const NONE: ValueCounts = new Float64Array(0);
const ages = (...pairs: number[]): ValueCounts => Float64Array.from(pairs);

function answers(...pairs: number[]): UsHistogram {
  const histogram = new UsHistogram();
  histogram.add(ages(...pairs));
  return histogram;
}

test("timeouts of a second make every quantile above the answered share a second or more", () => {
  const latency = censoredDistribution(answers(100, 950), { sent: ages(1_000_000, 50), unsent: NONE });
  assert.deepEqual([latency.count, latency.censoredCount, latency.knownShare], [1_000, 50, 0.95]);
  assert.deepEqual([latency.medianUs, latency.p95Us, latency.p99Us, latency.maxUs], [100, 100, 1_000_000, 1_000_000]);
  assert.equal(Math.round(latency.meanUs), 0.95 * 100 + 0.05 * 1_000_000);
});

test("what was cut off young would have taken as long as those that are older", () => {
  // Half are cut off at 50 us, before one answer in two took 100 us and the other 200.
  const latency = censoredDistribution(answers(100, 10, 200, 10), { sent: ages(50, 20), unsent: NONE });
  assert.deepEqual([latency.count, latency.knownShare, latency.meanUs], [40, 1, 150]);
  assert.deepEqual([latency.medianUs, latency.p90Us, latency.minUs, latency.maxUs], [100, 200, 100, 200]);
});

test("what still waited in the queue would have waited longest of all, however young", () => {
  const latency = censoredDistribution(answers(100, 600, 200, 300), { sent: NONE, unsent: ages(50, 100) });
  assert.equal(latency.knownShare, 0.9);
  assert.deepEqual([latency.medianUs, latency.p90Us, latency.p99Us, latency.maxUs], [100, 200, 200, 200]);
});

test("no lower bound falls below one of a smaller share", () => {
  const { curve } = censoredDistribution(answers(100, 50, 200, 30), { sent: ages(150, 10, 900, 2), unsent: ages(40, 5) });
  for (const [index, { us }] of curve.entries()) assert.ok(index === 0 || us >= curve[index - 1]!.us, JSON.stringify(curve[index]));
});

test("without an answer there is no latency to speak of", () => {
  assert.equal(censoredDistribution(answers(), { sent: ages(300_000, 6), unsent: NONE }).count, 0);
});
