/** Every figure of the mirror, and the experiment about sending, on tiny inputs, so that none can rot. Says nothing about speed. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { MIRROR_FIGURES } from "../bench/figures/mirror.ts";
import { measureSending } from "../bench/sending.ts";
import { openLab } from "../bench/support/lab.ts";
import { markdown } from "../bench/support/markdown.ts";
import { useSources } from "../bench/support/subjects.ts";

const skip = process.platform !== "linux" && "it reads /proc";
const TINY = { rounds: 1, seconds: 0.1, warmUpSeconds: 0, scale: 0.01 };

useSources();
const lab = openLab();
after(() => lab.close());

for (const figure of MIRROR_FIGURES) {
  test(`the figure "${figure.name}" measures every row and bar`, { skip }, async () => {
    const result = await figure.run(TINY, lab);
    assert.ok(result.rows.length >= 1);
    for (const row of result.rows) assert.equal(row.length, result.columns.length);
    for (const { what, value } of result.bars) assert.ok(Number.isFinite(value), what);
    assert.doesNotMatch(markdown(figure, result), /NaN|undefined|Infinity/);
  });
}

test("a file arrives whole by ways of sending it", { skip }, async () => {
  const measured = await measureSending(TINY, ["read-sync", "sendfile-asked", "splice", "listener"], { big: 3_000_001, small: 65_536 });
  for (const { name, bigMsPerMb } of measured) assert.ok(bigMsPerMb[0]! > 0, name);
  assert.ok(measured.length >= 4);
});
