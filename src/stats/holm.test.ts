import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../test/support/properties.ts";
import { holm } from "./holm.ts";

const ps = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 });

test("an adjusted p is never below its own and never above 1 or Bonferroni's", () => {
  fc.assert(
    fc.property(ps, (raw) => {
      for (const [index, adjusted] of holm(raw).entries()) {
        assert.ok(adjusted >= raw[index]! && adjusted <= 1);
        assert.ok(adjusted <= Math.min(1, raw[index]! * raw.length) || raw.some((p) => p < raw[index]!));
      }
    }),
  );
});

test("adjusting keeps the order of the ps", () => {
  fc.assert(
    fc.property(ps, (raw) => {
      const adjusted = holm(raw);
      for (const [i, p] of raw.entries()) for (const [j, other] of raw.entries()) if (p <= other) assert.ok(adjusted[i]! <= adjusted[j]!);
    }),
  );
});

test("a p outside 0 to 1 is our mistake", () => {
  for (const p of [-0.1, 1.1, Number.NaN]) assert.throws(() => holm([p]), /between 0 and 1/);
});
