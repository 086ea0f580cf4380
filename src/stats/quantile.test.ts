import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../test/support/properties.ts";
import { median, quantile } from "./quantile.ts";
import { sortedCopy } from "./samples.ts";

/** No -0: it equals 0 as a measurement, and sorting tells them apart. */
const sample = fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((value) => value + 0);
const values = fc.array(sample, { minLength: 1, maxLength: 60 });
const share = fc.double({ min: 0, max: 1, noNaN: true });

test("the quantiles 0 and 1 are the smallest and the largest sample", () => {
  fc.assert(
    fc.property(values, (samples) => {
      const sorted = sortedCopy(samples);
      assert.equal(quantile(sorted, 0), sorted[0]);
      assert.equal(quantile(sorted, 1), sorted.at(-1));
    }),
  );
});

test("a larger share never has a smaller quantile", () => {
  fc.assert(
    fc.property(values, share, share, (samples, one, other) => {
      const sorted = sortedCopy(samples);
      assert.ok(quantile(sorted, Math.min(one, other)) <= quantile(sorted, Math.max(one, other)));
    }),
  );
});

test("the median does not need sorted values and sorts none", () => {
  const samples = [10, 9, 100, 1];
  assert.equal(median(samples), 9.5);
  assert.deepEqual(samples, [10, 9, 100, 1]);
});

test("a quantile of nothing, of NaN, or outside 0 to 1 is our mistake, never NaN", () => {
  assert.throws(() => quantile([], 0.5), /no samples/);
  assert.throws(() => quantile([1, Number.NaN], 0.5), /unchecked samples/);
  for (const q of [-0.1, 1.1, Number.NaN]) assert.throws(() => quantile([1, 2], q), /between 0 and 1/);
});
