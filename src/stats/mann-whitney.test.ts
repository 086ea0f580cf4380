import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../test/support/properties.ts";
import { mannWhitney, samplesForSignificance } from "./mann-whitney.ts";

const values = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.double({ min: 1, max: 9, noNaN: true })), {
  minLength: 1,
  maxLength: 30,
});

function tested(a: readonly number[], b: readonly number[]) {
  const result = mannWhitney(a, b);
  assert.ok(result.ok);
  return result.value;
}

test("changing sides mirrors every figure and leaves p", () => {
  fc.assert(
    fc.property(values, values, (a, b) => {
      const [one, other] = [tested(a, b), tested(b, a)];
      assert.equal(one.u + other.u, a.length * b.length);
      assert.equal(one.p, other.p);
      assert.ok(Math.abs(one.cliffsDelta + other.cliffsDelta) < 1e-12);
    }),
  );
});

test("p is a probability and Cliff's delta a share of pairs", () => {
  fc.assert(
    fc.property(values, values, (a, b) => {
      const { p, cliffsDelta } = tested(a, b);
      assert.ok(p > 0 && p <= 1);
      const pairs = a.flatMap((one) => b.map((other) => Math.sign(other - one)));
      assert.ok(Math.abs(cliffsDelta - pairs.reduce<number>((sum, sign) => sum + sign, 0) / pairs.length) < 1e-12);
    }),
  );
});

test("a side that is always larger has an effect size of one, and the least p there is", () => {
  const { u, p, cliffsDelta } = tested([1, 2, 3, 4], [11, 12, 13, 14]);
  assert.deepEqual({ u, cliffsDelta }, { u: 0, cliffsDelta: 1 });
  assert.equal(p, 2 / 70);
});

test("8 against 5,000 samples are tested exactly, in numbers that no double holds", () => {
  const many = Array.from({ length: 5_000 }, (_, index) => index * 2 + 1);
  const { p } = tested([-1, -3, -5, -7, -9, -11, -13, -15], many);
  // 2 / C(5008, 8)
  assert.ok(Math.abs(p / 2.049582171044961e-25 - 1) < 1e-12, `p is ${p}`);
});

test("identical sides give p = 1", () => {
  assert.equal(tested([3, 3, 3, 3, 3], [3, 3, 3, 3, 3]).p, 1);
});

test("an empty side is a failure that says how many are needed, and which side it was", () => {
  const result = mannWhitney([1, 2], []);
  assert.equal(result.ok ? "" : result.failure.code, "TOO_FEW_SAMPLES");
  assert.match(result.ok ? "" : result.failure.message, /second side.*at least 1/);
});

test("the counts needed for significance are those that the test itself needs", () => {
  for (const alpha of [0.1, 0.05, 0.01, 0.001, 1e-6]) {
    const n = samplesForSignificance(alpha);
    const side = (count: number, from: number) => Array.from({ length: count }, (_, index) => from + index);
    assert.ok(tested(side(n, 0), side(n, 100)).p < alpha);
    assert.ok(tested(side(n - 1, 0), side(n - 1, 100)).p >= alpha);
  }
});
