import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hodgesLehmannShift } from "./hodges-lehmann.ts";
import { median } from "./quantile.ts";
import { sortedCopy } from "./samples.ts";

// Coarse numbers meet in ties, fine ones in none.
const coarse = fc.integer({ min: -6, max: 6 });
const fine = fc.double({ min: -1e9, max: 1e9, noNaN: true });
const values = fc.oneof(fc.array(coarse, { minLength: 1, maxLength: 25 }), fc.array(fine, { minLength: 1, maxLength: 25 }));

test("the shift is the median of all differences, without listing them", () => {
  fc.assert(
    fc.property(values, values, (a, b) => {
      const differences = b.flatMap((valueOfB) => a.map((valueOfA) => valueOfB - valueOfA));
      const expected = median(differences);
      const shift = hodgesLehmannShift(sortedCopy(a), sortedCopy(b));
      assert.ok(Math.abs(shift - expected) <= 1e-15 * Math.max(...differences.map(Math.abs)), `${shift} is not ${expected}`);
    }),
  );
});

test("a side moved by ten is found moved by ten, among 10,000,000,000 pairs", () => {
  const a = Float64Array.from({ length: 100_000 }, (_, index) => index);
  assert.equal(
    hodgesLehmannShift(
      a,
      a.map((value) => value + 10),
    ),
    10,
  );
});
