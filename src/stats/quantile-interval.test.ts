import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../test/support/properties.ts";
import { quantileInterval, samplesForQuantile } from "./quantile-interval.ts";
import { createRandom } from "./random.ts";
import { sortedCopy } from "./samples.ts";

test("a p99 from too few samples is refused with the count that is needed", () => {
  const sorted = Float64Array.from({ length: 367 }, (_, index) => index);
  const refused = quantileInterval(sorted, 0.99);
  assert.ok(!refused.ok);
  assert.equal(refused.failure.code, "TOO_FEW_SAMPLES");
  assert.equal(refused.failure.message, "Cannot compute a 95% interval of the p99 from 367 samples: at least 368 are needed");
  assert.ok(quantileInterval([...sorted, 400], 0.99).ok);
});

test("the count that a refusal names is enough, and one less is not", () => {
  const shares = fc.double({ min: 0.001, max: 0.999, noNaN: true });
  fc.assert(
    fc.property(shares, fc.double({ min: 0.5, max: 0.999, noNaN: true }), (q, confidence) => {
      const neededCount = samplesForQuantile(q, confidence);
      const sorted = Float64Array.from({ length: neededCount }, (_, index) => index);
      assert.ok(quantileInterval(sorted, q, confidence).ok);
      assert.ok(!quantileInterval(sorted.subarray(1), q, confidence).ok);
    }),
    { numRuns: 200 },
  );
});

test("samples that are no numbers are a failure, not an interval", () => {
  const result = quantileInterval([1, 2, 3, 4, 5, Number.NaN], 0.5);
  assert.equal(result.ok ? "an interval" : result.failure.code, "BAD_SAMPLE");
});

test("a 95% interval of the p90 holds the truth in at least 95 of 100 runs, whatever the distribution", () => {
  const random = createRandom(5);
  const truth = -Math.log(0.1);
  const runCount = 2_000;
  let coveredCount = 0;
  for (let run = 0; run < runCount; run++) {
    const interval = quantileInterval(sortedCopy(Array.from({ length: 60 }, () => -Math.log(1 - random()))), 0.9);
    assert.ok(interval.ok);
    if (interval.value.low <= truth && truth <= interval.value.high) coveredCount++;
  }
  assert.ok(coveredCount >= 0.95 * runCount, `covered in ${coveredCount} of ${runCount}`);
});

test("a million samples have an interval at once", () => {
  const sorted = Float64Array.from({ length: 1_000_000 }, (_, index) => index);
  const interval = quantileInterval(sorted, 0.5);
  assert.ok(interval.ok);
  // 1.96 standard deviations of the binomial: 500 each.
  assert.ok(Math.abs(interval.value.low - 499_020) < 2 && Math.abs(interval.value.high - 500_980) < 2);
});
