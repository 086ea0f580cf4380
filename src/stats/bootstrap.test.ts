import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../test/support/properties.ts";
import { bootstrapRatioInterval } from "./bootstrap.ts";
import { quantile } from "./quantile.ts";
import { createRandom } from "./random.ts";

const medianOf = (sorted: Float64Array) => quantile(sorted, 0.5);
/** Beside it a ratio is the other side's own figure. */
const ONES = [1, 1, 1, 1, 1];
const positive = fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 5, maxLength: 30 });

test("a resample ascends and holds nothing but the samples", () => {
  fc.assert(
    fc.property(positive, fc.integer(), (values, seed) => {
      const known = new Set(values);
      const statistic = (resample: Float64Array) => {
        assert.equal(resample.length, values.length);
        assert.deepEqual(resample, resample.toSorted());
        assert.ok(resample.every((value) => known.has(value)));
        return resample[0]!;
      };
      assert.ok(bootstrapRatioInterval(values, values, statistic, { seed, resampleCount: 100 }).ok);
    }),
    { numRuns: 30 },
  );
});

test("the same seed gives the same interval, another seed another one", () => {
  const random = createRandom(3);
  const values = Array.from({ length: 40 }, () => 10 + random());
  const mean = (sorted: Float64Array) => sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  assert.deepEqual(bootstrapRatioInterval(ONES, values, mean, { seed: 1 }), bootstrapRatioInterval(ONES, values, mean, { seed: 1 }));
  assert.notDeepEqual(bootstrapRatioInterval(ONES, values, mean, { seed: 1 }), bootstrapRatioInterval(ONES, values, mean, { seed: 2 }));
});

test("a 95% interval of a median of 15 holds the truth in about 95 of 100 runs", () => {
  const random = createRandom(11);
  const runCount = 1_000;
  let coveredCount = 0;
  for (let run = 0; run < runCount; run++) {
    const values = Array.from({ length: 15 }, () => 1 - Math.log(1 - random()));
    const interval = bootstrapRatioInterval(ONES, values, medianOf, { seed: run, resampleCount: 400 });
    assert.ok(interval.ok);
    if (interval.value.low <= 1 + Math.LN2 && 1 + Math.LN2 <= interval.value.high) coveredCount++;
  }
  assert.ok(coveredCount >= 0.92 * runCount && coveredCount <= 0.98 * runCount, `covered in ${coveredCount} of ${runCount}`);
});

test("the interval of a ratio scales with its second side", () => {
  fc.assert(
    fc.property(positive, positive, (a, b) => {
      const options = { seed: 1, resampleCount: 200 };
      const once = bootstrapRatioInterval(a, b, medianOf, options);
      const doubled = bootstrapRatioInterval(
        a,
        b.map((value) => value * 2),
        medianOf,
        options,
      );
      assert.ok(once.ok && doubled.ok);
      assert.equal(doubled.value.low, once.value.low * 2);
      assert.equal(doubled.value.high, once.value.high * 2);
    }),
    { numRuns: 30 },
  );
});

test("too few samples, and a side that is zero, are failures that say so", () => {
  const few = bootstrapRatioInterval(ONES, [1, 2, 3, 4], medianOf, { seed: 1 });
  assert.match(few.ok ? "" : few.failure.message, /from 4 samples: at least 5 are needed/);
  const zero = bootstrapRatioInterval([1, 2, 3, 4, 5], [1, 2, 0, 4, 5], medianOf, { seed: 1 });
  assert.equal(zero.ok ? "" : zero.failure.code, "NOT_POSITIVE");
  assert.match(zero.ok ? "" : zero.failure.message, /second side/);
});
