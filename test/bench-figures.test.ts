/** Every figure of `npm run bench` on tiny inputs, so that none can rot. Says nothing about speed. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { boot } from "../bench/figures/boot.ts";
import { cold } from "../bench/figures/cold.ts";
import { density } from "../bench/figures/density.ts";
import { throughput } from "../bench/figures/throughput.ts";
import { verdicts } from "../bench/figures/verdicts.ts";
import { openLab } from "../bench/support/lab.ts";
import { markdown } from "../bench/support/markdown.ts";
import { useSources } from "../bench/support/subjects.ts";

const skip = process.platform !== "linux" && "it reads /proc";
const TINY = { rounds: 1, seconds: 0.1, warmUpSeconds: 0, scale: 0.01 };

useSources();
const lab = openLab();
after(() => lab.close());

for (const figure of [boot, cold, density, throughput, verdicts]) {
  test(`the figure "${figure.name}" measures every row and bar`, { skip }, async () => {
    const result = await figure.run(TINY, lab);
    assert.ok(result.rows.length >= 2);
    for (const row of result.rows) assert.equal(row.length, result.columns.length);
    for (const { what, value } of result.bars) assert.ok(Number.isFinite(value), what);
    assert.doesNotMatch(markdown(figure, result), /NaN|undefined|Infinity/);
  });
}
