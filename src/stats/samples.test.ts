import assert from "node:assert/strict";
import { test } from "node:test";
import { checkPositive, checkSamples, sortedCopy } from "./samples.ts";

test("a NaN, an infinite and an absurd sample are refused by their place", () => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, -Number.POSITIVE_INFINITY, 1e200, 5e-324]) {
    const failure = checkSamples([1, bad, 3], 1, "the median");
    assert.equal(failure?.code, "BAD_SAMPLE");
    assert.equal(failure.message, `Cannot compute the median: sample 2 of 3 is ${bad}`);
  }
});

test("too few samples are refused with the count that is needed", () => {
  assert.equal(checkSamples([], 1, "the median")?.message, "Cannot compute the median from 0 samples: at least 1 are needed");
  const failure = checkSamples([4], 6, "an interval");
  assert.equal(failure?.code, "TOO_FEW_SAMPLES");
  assert.match(failure.message, /from 1 sample: at least 6 are needed/);
  assert.equal(checkSamples([0, -1, 1], 3, "the median"), null);
});

test("a ratio is refused where a value is zero or below", () => {
  assert.equal(checkPositive([1, 2], 2, "a ratio"), null);
  assert.equal(checkPositive([1, 0], 2, "a ratio")?.code, "NOT_POSITIVE");
  assert.match(checkPositive([-3, 1], 2, "a ratio")!.message, /sample 1 of 2 is -3/);
  assert.equal(checkPositive([1], 2, "a ratio")?.code, "TOO_FEW_SAMPLES");
});

test("a sorted copy leaves the order of measuring alone", () => {
  const values = [10, 9, 100];
  assert.deepEqual([...sortedCopy(values)], [9, 10, 100]);
  assert.deepEqual(values, [10, 9, 100]);
});
