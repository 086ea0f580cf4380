/** The figure of process starts on tiny inputs, so that it can't rot. Says nothing about speed. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { processStart } from "../bench/figures/process-start.ts";
import { openLab } from "../bench/support/lab.ts";
import { markdown } from "../bench/support/markdown.ts";

const skip = process.platform !== "linux" && "its ways to start are Linux's";
const TINY = { rounds: 1, seconds: 0.02, warmUpSeconds: 0, scale: 0.02 };

const lab = openLab();
after(() => lab.close());

test(`the figure "${processStart.name}" measures every row and bar`, { skip }, async () => {
  const result = await processStart.run(TINY, lab);
  assert.ok(result.rows.length >= 4);
  for (const row of result.rows) assert.equal(row.length, result.columns.length);
  for (const { what, value } of result.bars) assert.ok(Number.isFinite(value), what);
  assert.doesNotMatch(markdown(processStart, result), /NaN|undefined|Infinity/);
});
