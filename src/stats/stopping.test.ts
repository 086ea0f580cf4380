import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { quantileInterval } from "./quantile-interval.ts";
import { createRandom } from "./random.ts";
import { sortedCopy } from "./samples.ts";
import { isPreciseEnough } from "./stopping.ts";

const rule = { relativeWidth: 0.02, minimumCount: 8 };

test("quiet samples are enough at the minimum, and not before", () => {
  assert.deepEqual(isPreciseEnough([100, 101, 100, 101, 100, 101, 100, 101], rule), {
    enough: true,
    relativeWidth: 1 / 100.5,
    neededCount: 8,
  });
  const few = isPreciseEnough([100, 101, 100, 101, 100, 101], rule);
  assert.equal(few.enough, false);
  assert.equal(few.neededCount, 8);
});

test("noisy samples ask for more, at most ten times as many at once", () => {
  const random = createRandom(1);
  const noisy = Array.from({ length: 40 }, () => 100 + 20 * random());
  const { enough, relativeWidth, neededCount } = isPreciseEnough(noisy, rule);
  assert.equal(enough, false);
  assert.equal(neededCount, Math.min(400, Math.ceil(40 * (relativeWidth! / 0.02) ** 2)));
});

test("where no interval can be had it asks for the samples that one takes, and gives no figure", () => {
  for (const values of [[], [1], [1, 2, Number.NaN, 4, 5, 6, 7, 8, 9], new Array(10).fill(0)]) {
    assert.deepEqual(isPreciseEnough(values, { relativeWidth: 0.02, minimumCount: 3 }), {
      enough: false,
      relativeWidth: null,
      neededCount: 6,
    });
  }
});

test("it always either is enough or asks for more than there are", () => {
  const values = fc.array(fc.double({ min: 1, max: 2, noNaN: true }), { maxLength: 40 });
  fc.assert(
    fc.property(values, fc.double({ min: 1e-4, max: 1, noNaN: true }), (samples, relativeWidth) => {
      const precision = isPreciseEnough(samples, { relativeWidth, minimumCount: 5 });
      assert.equal(precision.enough, precision.neededCount <= samples.length);
    }),
  );
});

test("stopping at a width costs the interval little of its 95%", () => {
  const random = createRandom(9);
  const runCount = 1_000;
  let coveredCount = 0;
  for (let run = 0; run < runCount; run++) {
    const samples: number[] = [];
    do samples.push(100 + 5 * (random() + random() + random() - 1.5));
    while (samples.length < 300 && !isPreciseEnough(samples, { relativeWidth: 0.03, minimumCount: 10 }).enough);
    const interval = quantileInterval(sortedCopy(samples), 0.5);
    assert.ok(interval.ok);
    if (interval.value.low <= 100 && 100 <= interval.value.high) coveredCount++;
  }
  assert.ok(coveredCount >= 0.92 * runCount, `covered in ${coveredCount} of ${runCount}`);
});
