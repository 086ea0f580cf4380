import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../test/support/properties.ts";
import { parseRange } from "./byte-range.ts";

test("a range never leaves the file, whatever is asked", () => {
  const bound = fc.option(fc.nat({ max: 1_000 }), { nil: "" });
  fc.assert(
    fc.property(bound, bound, fc.nat({ max: 500 }), (from, to, size) => {
      const range = parseRange(`bytes=${from}-${to}`, size);
      if (range === null || range === "unsatisfiable") return;
      assert.ok(range.start >= 0 && range.start <= range.end && range.end < size);
    }),
  );
});

test("suffixes, open ends and surplus are cut to the file", () => {
  assert.deepEqual(parseRange("bytes=-4", 10), { start: 6, end: 9 });
  assert.deepEqual(parseRange("bytes=-40", 10), { start: 0, end: 9 });
  assert.deepEqual(parseRange("bytes=4-", 10), { start: 4, end: 9 });
  assert.deepEqual(parseRange("Bytes=4-99", 10), { start: 4, end: 9 });
});

test("ranges outside are unsatisfiable, and what is no single range is ignored", () => {
  for (const header of ["bytes=10-", "bytes=-0", "bytes=99-100"]) assert.equal(parseRange(header, 10), "unsatisfiable", header);
  for (const header of ["bytes=-", "bytes=a-b", "bytes=1-2,4-5", "bytes=5-4", "bytes 1-2", "", `bytes=${"9".repeat(30)}-`]) {
    assert.equal(parseRange(header, 10), null, header);
  }
  assert.equal(parseRange("bytes=-1", 0), "unsatisfiable");
});
