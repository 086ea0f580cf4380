/** The figure of the ring on tiny inputs, so that it can't rot. Says nothing about speed. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ring } from "../bench/figures/ring.ts";
import { openLab } from "../bench/support/lab.ts";
import { markdown } from "../bench/support/markdown.ts";

const skip = process.platform !== "linux" && "it shares memory";
const TINY = { rounds: 1, seconds: 0.02, warmUpSeconds: 0, scale: 0.01 };

const lab = openLab();
after(() => lab.close());

test(`the figure "${ring.name}" measures every row and bar`, { skip }, async () => {
  const result = await ring.run(TINY, lab);
  assert.ok(result.rows.length >= 2);
  for (const row of result.rows) assert.equal(row.length, result.columns.length);
  for (const { what, value } of result.bars) assert.ok(Number.isFinite(value), what);
  assert.doesNotMatch(markdown(ring, result), /NaN|undefined|Infinity/);
});
