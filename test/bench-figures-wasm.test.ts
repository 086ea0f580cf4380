/** The figures of WebAssembly functions on tiny inputs, so that none can rot. Says nothing about speed. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { wasm } from "../bench/figures/wasm.ts";
import { wasmMany } from "../bench/figures/wasm-many.ts";
import { wasmStart } from "../bench/figures/wasm-start.ts";
import { openLab } from "../bench/support/lab.ts";
import { markdown } from "../bench/support/markdown.ts";
import { useSources } from "../bench/support/subjects.ts";
import { guest, skipReason } from "./support/guests.ts";

const skip = process.platform === "linux" ? skipReason(await guest("c", "order")) : "it reads /proc";
const TINY = { rounds: 1, seconds: 0.1, warmUpSeconds: 0, scale: 0.01 };

useSources();
const lab = openLab();
after(() => lab.close());

for (const figure of [wasm, wasmMany, wasmStart]) {
  test(`the figure "${figure.name}" measures every row and bar`, { skip }, async () => {
    const result = await figure.run(TINY, lab);
    assert.ok(result.rows.length >= 2);
    assert.ok(result.bars.length >= 1);
    for (const row of result.rows) assert.equal(row.length, result.columns.length);
    for (const { what, value } of result.bars) assert.ok(Number.isFinite(value), what);
    assert.doesNotMatch(markdown(figure, result), /NaN|undefined|Infinity/);
  });
}
