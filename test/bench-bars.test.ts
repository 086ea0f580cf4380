/** What a bar of `npm run bench` says of its figure. Measures nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Bar, stateOf } from "../bench/support/figure.ts";
import { interleave } from "../bench/support/interleave.ts";
import { markdown } from "../bench/support/markdown.ts";

const BAR: Bar = { what: "ours against theirs", value: 1.05, most: 1.1, unit: "x" };

test("a bar that lies within the interval is neither held nor missed for certain", () => {
  assert.equal(stateOf(BAR), "holds");
  assert.equal(stateOf({ ...BAR, value: 1.2 }), "missed");
  assert.equal(stateOf({ ...BAR, interval: { low: 1.02, high: 1.08 } }), "holds");
  assert.equal(stateOf({ ...BAR, interval: { low: 1.02, high: 1.12 } }), "uncertain");
  assert.equal(stateOf({ ...BAR, value: 1.15, interval: { low: 1.08, high: 1.2 } }), "uncertain");
  assert.equal(stateOf({ ...BAR, value: 1.2, interval: { low: 1.15, high: 1.3 } }), "missed");
});

test("a figure says where its own values are from, and shows what is uncertain as such", () => {
  const figure = { name: "f", title: "F", run: () => Promise.reject(new Error("not run")) };
  const bars = [{ ...BAR, interval: { low: 1.02, high: 1.12 } }];
  const text = markdown(figure, { columns: ["a"], rows: [["1"]], provenance: "Of one process.", bars });
  assert.match(text, /^## F\n\nOf one process\.\n\n\| a \|/);
  assert.match(text, /^- uncertain: ours against theirs: 1\.05 \[1\.02-1\.12\] x \(at most 1\.10\)$/m);
});

test("each round measures every subject once, and rounds differ in their order", async () => {
  const order: string[] = [];
  const values = await interleave(["a", "b", "c"], 8, async (subject) => order.push(subject));
  assert.deepEqual(
    [...values.values()].map(({ length }) => length),
    [8, 8, 8],
  );
  const rounds = Array.from({ length: 8 }, (_, round) => order.slice(3 * round, 3 * round + 3));
  for (const round of rounds) assert.deepEqual(round.toSorted(), ["a", "b", "c"]);
  assert.ok(new Set(rounds.map(String)).size > 1);
});
