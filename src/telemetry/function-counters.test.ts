import assert from "node:assert/strict";
import { test } from "node:test";
import { FunctionCounters } from "./function-counters.ts";
import { LATENCY_BUCKET_BOUNDS_US } from "./metrics.ts";

test("counts answers by status, each in the first bucket whose bound it does not pass", () => {
  const counters = new FunctionCounters();
  const bound = LATENCY_BUCKET_BOUNDS_US[2] as number;
  counters.answered(200, bound);
  counters.answered(200, bound + 1);
  counters.answered(503, 1e12);
  const [good, refused] = counters.byStatus();
  assert.equal(good?.count, 2);
  assert.equal(good?.latencyBuckets[2], 1);
  assert.equal(good?.latencyBuckets[3], 1);
  assert.equal(refused?.status, 503);
  assert.equal(refused?.latencyBuckets.at(-1), 1);
});
