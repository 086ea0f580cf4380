import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../../stats/random.ts";
import { blockIntervals } from "./block-intervals.ts";
import { UsHistogram } from "./histogram.ts";
import type { ValueCounts } from "./value-counts.ts";

/** 1,000 answers of one to two milliseconds, and so many of a second. */
function second(random: () => number, stalledCount = 0): ValueCounts {
  const histogram = UsHistogram.coarse();
  for (let index = 0; index < 1_000; index++) histogram.addMany(1_000 + Math.round(1_000 * random()), 1);
  histogram.addMany(1_000_000, stalledCount);
  return histogram.toValueCounts();
}

function run(seconds: number, stalledAt: readonly number[] = []): ValueCounts[] {
  const random = createRandom(3);
  return Array.from({ length: seconds }, (_, index) => second(random, stalledAt.includes(index) ? 400 : 0));
}

test("a steady run is sure of its quantiles", () => {
  for (const [index, { lowUs, highUs }] of blockIntervals(run(20), [0.5, 0.99], 1).entries()) {
    const us = [1_500, 1_990][index]!;
    // Seconds are counted to a percent.
    assert.ok(Math.abs(lowUs - us) < us * 0.02 && Math.abs(highUs - us) < us * 0.02, `${lowUs} to ${highUs}, in truth ${us}`);
  }
});

test("one stall of hundreds of requests is one event: whether the p99 sees it is not known", () => {
  // 400 of 20,400 answers: the p99 lies among them, and a run without that second would have had none.
  const [p99] = blockIntervals(run(20, [7]), [0.99], 1);
  assert.ok(p99!.lowUs < 2_100, JSON.stringify(p99));
  assert.ok(p99!.highUs > 900_000, JSON.stringify(p99));
});

test("a run of a few seconds has no interval, a long one has one from blocks of many", () => {
  assert.deepEqual(blockIntervals(run(9), [0.5], 1), []);
  assert.equal(blockIntervals(run(130), [0.5, 0.9], 1).length, 2);
  assert.deepEqual(blockIntervals([...run(9), new Float64Array(0)], [0.5], 1), []);
});

test("one seed, one interval", () => {
  assert.deepEqual(blockIntervals(run(12, [3]), [0.9, 0.99], 5), blockIntervals(run(12, [3]), [0.9, 0.99], 5));
});
