import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../../test/support/properties.ts";
import { ArrivedRanges } from "./arrived-ranges.ts";

test("what lies behind a gap can be let go", () => {
  const ranges = new ArrivedRanges();
  ranges.add(10, 20);
  ranges.keepLeading();
  assert.equal(ranges.leadingBytes, 0);
  ranges.add(0, 5);
  ranges.add(10, 20);
  ranges.keepLeading();
  ranges.add(5, 10);
  assert.equal(ranges.leadingBytes, 10);
});

test("what came out of order counts once the gap before it has closed", () => {
  const arrived = new ArrivedRanges();
  arrived.add(100, 200);
  assert.equal(arrived.leadingBytes, 0);
  arrived.add(0, 50);
  assert.equal(arrived.leadingBytes, 50);
  arrived.add(50, 100);
  assert.equal(arrived.leadingBytes, 200);
});

test("in whatever order and overlap parts come, the leading bytes are those without a gap", () => {
  const part = fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 10 }));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
      const arrived = new ArrivedRanges();
      const there = new Set<number>();
      for (const [start, length] of parts) {
        arrived.add(start, start + length);
        for (let at = start; at < start + length; at++) there.add(at);
      }
      let leading = 0;
      while (there.has(leading)) leading++;
      assert.equal(arrived.leadingBytes, leading);
    }),
  );
});
