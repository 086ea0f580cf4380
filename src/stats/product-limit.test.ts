import assert from "node:assert/strict";
import { test } from "node:test";
import { productLimit, productLimitQuantile } from "./product-limit.ts";

test("what was cut off before others ended raises the share of the longer ones", () => {
  // By hand: 10 ends with 4 at risk, 20 is cut off, 30 and 40 end with 2 and 1 at risk: 3/4, then 3/8, then 0 survive.
  const estimate = productLimit([10, 1, 30, 1, 40, 1], [20, 1]);
  assert.deepEqual(
    [[...estimate.values], [...estimate.shares]],
    [
      [10, 30, 40],
      [0.25, 0.625, 1],
    ],
  );
  assert.equal(productLimitQuantile(estimate, 0.5), 30);
  assert.equal(productLimitQuantile(estimate, 1), 40);
});

test("where the longest were cut off the estimate ends, and a quantile beyond it is not known", () => {
  const estimate = productLimit([10, 950], [1_000, 50]);
  assert.deepEqual([...estimate.shares], [0.95]);
  assert.equal(productLimitQuantile(estimate, 0.95), 10);
  assert.equal(productLimitQuantile(estimate, 0.951), null);
});

test("what is cut off at a value that was seen counts as longer", () => {
  assert.deepEqual([...productLimit([10, 1, 20, 1], [10, 2]).shares], [0.25, 1]);
});

test("what outlasts all others raises no share", () => {
  assert.deepEqual([...productLimit([10, 1, 20, 1], [Number.POSITIVE_INFINITY, 2]).shares], [0.25, 0.5]);
});

test("without anything cut off it is the share of the values", () => {
  const estimate = productLimit([1, 990, 2, 9, 3, 1], []);
  assert.deepEqual(
    [0.5, 0.99, 0.999, 0.9999].map((q) => productLimitQuantile(estimate, q)),
    [1, 1, 2, 3],
  );
});

test("nothing seen is nothing known", () => {
  assert.equal(productLimitQuantile(productLimit([], [5, 3]), 0), null);
});
