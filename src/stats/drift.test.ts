import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../test/support/properties.ts";
import { driftNotes } from "./drift.ts";
import { createRandom } from "./random.ts";

function noise(count: number, seed: number): number[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => 100 + 4 * (random() + random() - 1));
}

test("samples that warm up are named, with how far they fell", () => {
  const { trend, notes } = driftNotes(noise(60, 1).map((value, index) => value + 40 * 0.95 ** index));
  assert.ok(trend!.tau < 0 && trend!.p < 0.01);
  assert.match(notes.join("; "), /the samples fall by \d+% from the first third to the last/);
});

test("samples that follow each other are worth fewer, and the note says how many", () => {
  const steps = noise(200, 2);
  let level = 0;
  const { autocorrelation, notes } = driftNotes(
    steps.map((step) => {
      level = 0.8 * level + (step - 100);
      return 100 + level;
    }),
  );
  assert.ok(autocorrelation! > 0.6 && autocorrelation! < 0.95);
  const worth = Math.round((200 * (1 - autocorrelation!)) / (1 + autocorrelation!));
  assert.match(notes.join("; "), new RegExp(`the 200 samples are worth about ${worth},`));
});

test("a trend that is certain and below 1% is measured and not worth a note", () => {
  const { trend, notes } = driftNotes(Array.from({ length: 30 }, (_, index) => 1000 + index * 0.3 + (index % 2)));
  assert.ok(trend!.p < 0.001);
  assert.doesNotMatch(notes.join("; "), /the samples rise/);
});

test("independent samples of one level are noted in at most 3 of 100 runs", () => {
  const notedCount = Array.from({ length: 500 }, (_, seed) => driftNotes(noise(50, seed))).filter(({ notes }) => notes.length > 0).length;
  assert.ok(notedCount <= 15, `${notedCount} of 500`);
});

test("too few, equal or broken samples have no figures and no notes, never NaN", () => {
  const none = { autocorrelation: null, trend: null, notes: [] };
  assert.deepEqual(driftNotes([1, 2, 3]), none);
  assert.deepEqual(driftNotes(new Array(20).fill(0.1)), none);
  assert.deepEqual(driftNotes([...noise(20, 1), Number.NaN]), none);
});

test("whatever the samples, figures are numbers or null", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ noNaN: true }), { minLength: 10 }), (values) => {
      const { autocorrelation, trend } = driftNotes(values);
      if (autocorrelation !== null) assert.ok(Math.abs(autocorrelation) <= 1);
      if (trend !== null) assert.ok(Math.abs(trend.tau) <= 1 && trend.p >= 0 && trend.p <= 1);
    }),
  );
});
