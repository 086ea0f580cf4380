import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../test/support/properties.ts";
import { outlierNotes } from "./outliers.ts";

const even = Array.from({ length: 40 }, (_, index) => 100 + ((index * 7) % 11));

test("quiet samples have no outliers and no notes", () => {
  assert.deepEqual(outlierNotes(even), { low: 0, high: 0, severe: 0, notes: [] });
});

test("low, high and severe outliers are counted and named", () => {
  const { low, high, severe, notes } = outlierNotes([...even, 85, 120, 900]);
  assert.deepEqual({ low, high, severe }, { low: 1, high: 2, severe: 1 });
  assert.deepEqual(notes, ["3 of 43 samples are outliers (1 low, 2 high, 1 severe): something else ran, or the work differs"]);
});

test("one mild outlier among many is counted and not worth a note", () => {
  const { high, notes } = outlierNotes([...even, 120]);
  assert.equal(high, 1);
  assert.deepEqual(notes, []);
});

test("a slow first sample is told apart: a warm-up is missing", () => {
  assert.match(outlierNotes([180, ...even]).notes.join("; "), /the first sample is far above the rest/);
  assert.doesNotMatch(outlierNotes([...even, 180]).notes.join("; "), /first sample/);
});

test("a scale of zero does not make an outlier of every sample, nor hide the one there is", () => {
  assert.deepEqual(outlierNotes(new Array(20).fill(5)), { low: 0, high: 0, severe: 0, notes: [] });
  assert.equal(outlierNotes([...new Array(20).fill(5), 9]).severe, 1);
});

test("whatever the samples, broken ones included, the counts are whole and nothing is thrown", () => {
  fc.assert(
    fc.property(fc.array(fc.double()), (values) => {
      const { low, high, severe } = outlierNotes(values);
      assert.ok([low, high, severe].every(Number.isInteger));
      assert.ok(severe <= low + high && low + high <= values.length);
    }),
  );
});
