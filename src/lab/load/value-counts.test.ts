import assert from "node:assert/strict";
import { test } from "node:test";
import { addCounts, countOf, quantileOfCounts, type ValueCounts } from "./value-counts.ts";

const pairs = (...values: number[]): ValueCounts => Float64Array.from(values);

test("the sum holds each value once, ascending, with the counts of both", () => {
  const sum = addCounts(pairs(1, 2, 5, 1), pairs(3, 4, 5, 6, 9, 1));
  assert.deepEqual([...sum], [1, 2, 3, 4, 5, 7, 9, 1]);
  assert.equal(countOf(sum), 14);
  assert.equal(sum.buffer.byteLength, sum.byteLength);
});

test("a sum with nothing is the other", () => {
  assert.deepEqual([...addCounts(pairs(), pairs(3, 4))], [3, 4]);
  assert.deepEqual([...addCounts(pairs(3, 4), pairs())], [3, 4]);
});

test("an infinite value is one like any other", () => {
  const infinite = pairs(Number.POSITIVE_INFINITY, 2);
  assert.deepEqual([...addCounts(pairs(3, 4), infinite)], [3, 4, Number.POSITIVE_INFINITY, 2]);
  assert.deepEqual([...addCounts(infinite, infinite)], [Number.POSITIVE_INFINITY, 4]);
});

test("a quantile is a value that was recorded", () => {
  const counts = pairs(10, 90, 20, 9, 30, 1);
  assert.deepEqual(
    [0, 0.5, 0.9, 0.99, 1].map((q) => quantileOfCounts(counts, q)),
    [10, 10, 10, 20, 30],
  );
  assert.equal(quantileOfCounts(pairs(), 0.5), 0);
});
