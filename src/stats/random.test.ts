import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../test/support/properties.ts";
import { createRandom } from "./random.ts";

function take(seed: number, count: number): number[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, random);
}

test("a seed gives the same numbers in every version, so that a run can be repeated", () => {
  assert.deepEqual(take(1, 3), [0.5636717735324055, 0.5851113414391875, 0.8959073920268565]);
});

test("every number lies in [0, 1), whatever the seed", () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (seed) => {
      for (const value of take(seed, 50)) assert.ok(value >= 0 && value < 1);
    }),
  );
});

test("neighbouring, negative and very large seeds give sequences of their own", () => {
  const firsts = [0, 1, 2, -1, -2, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER].map((seed) => take(seed, 2).join());
  assert.equal(new Set(firsts).size, firsts.length);
});

test("numbers are spread evenly: 100 cells of 100,000 pass a chi-squared test", () => {
  const cells = new Array<number>(100).fill(0);
  for (const value of take(42, 100_000)) cells[Math.floor(value * 100)]!++;
  const chiSquared = cells.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  // 99 degrees of freedom: 99.9% lie below 148.
  assert.ok(chiSquared < 148, `chi-squared is ${chiSquared}`);
});

test("a seed that is no whole number is our mistake", () => {
  for (const seed of [Number.NaN, 0.5, Number.POSITIVE_INFINITY]) assert.throws(() => createRandom(seed), /a seed is a safe integer/);
});
