import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../../test/support/properties.ts";
import { SPIN_MAX_US, SpinBudget } from "./spin-budget.ts";

function after(...waitsUs: number[]): SpinBudget {
  const budget = new SpinBudget();
  for (const waitUs of waitsUs) budget.answered(waitUs);
  return budget;
}

test("before anything is known it is worth a try", () => {
  assert.ok(new SpinBudget().us > 0);
});

test("for answers that come at once it looks longer than they take, and no longer than twice", () => {
  const { us } = after(...Array<number>(50).fill(10));
  assert.ok(us > 10 && us < 21);
});

test("for answers that come late it does not look at all", () => {
  assert.equal(after(...Array<number>(50).fill(5_000)).us, 0);
});

test("one late answer among many soon ones changes little", () => {
  assert.ok(after(...Array<number>(50).fill(5), 1_000_000).us > 0);
});

test("when answers become soon again it looks again", () => {
  assert.ok(after(...Array<number>(1_000).fill(5_000), ...Array<number>(20).fill(5)).us > 0);
});

test("it never looks for longer than the bound", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1e9, noNaN: true })), (waits) => {
      const { us } = after(...waits);
      assert.ok(us >= 0 && us <= SPIN_MAX_US);
    }),
  );
});
