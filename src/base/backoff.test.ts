import assert from "node:assert/strict";
import { test } from "node:test";
import { BACKOFF_MAX_MS, createBackoff, HEALTHY_AFTER_MS } from "./backoff.ts";

test("the wait doubles from 100 ms to 10 s", () => {
  const backoff = createBackoff();
  const waits = Array.from({ length: 9 }, () => backoff.died(5));
  assert.deepEqual(waits, [100, 200, 400, 800, 1_600, 3_200, 6_400, BACKOFF_MAX_MS, BACKOFF_MAX_MS]);
});

test("a worker that had been healthy is started again at once", () => {
  const backoff = createBackoff();
  for (let death = 0; death < 20; death++) backoff.died(5);
  assert.equal(backoff.died(HEALTHY_AFTER_MS), 100);
  assert.equal(backoff.deaths, 1);
});

test("a thousand deaths in a row still have a finite wait", () => {
  const backoff = createBackoff();
  for (let death = 0; death < 2_000; death++) backoff.died(0);
  assert.equal(backoff.died(0), BACKOFF_MAX_MS);
});
