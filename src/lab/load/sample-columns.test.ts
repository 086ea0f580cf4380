import assert from "node:assert/strict";
import { test } from "node:test";
import { joinSamples } from "./join-samples.ts";
import { SampleColumns } from "./sample-columns.ts";

function filled(count: number, maxCount = count) {
  const columns = new SampleColumns(maxCount);
  for (let at = 0; at < count; at++) columns.add(at, at * 2, at % 2 === 0 ? 200 : 503);
  return columns.take();
}

test("columns hold what was added, in buffers of their own size", () => {
  const { startUs, latencyUs, status } = filled(40_000);
  assert.deepEqual([startUs.length, latencyUs.length, status.length], [40_000, 40_000, 40_000]);
  assert.deepEqual([startUs[39_999], latencyUs[39_999], status[39_999]], [39_999, 79_998, 503]);
  assert.equal(startUs.buffer.byteLength, 40_000 * 8);
});

test("no more than was agreed is kept: the first", () => {
  for (const maxCount of [10, 20_000]) {
    const { startUs } = filled(50_000, maxCount);
    assert.deepEqual([startUs.length, startUs.at(-1)], [maxCount, maxCount - 1]);
  }
});

test("threads' lines are joined in the order in which they were due", () => {
  const part = (...starts: number[]) => ({
    startUs: Float64Array.from(starts),
    latencyUs: Float64Array.from(starts, (us) => us * 10),
    status: Uint16Array.from(starts, (us) => 200 + us),
  });
  const { startUs, latencyUs, status } = joinSamples([part(5, 1, 4), part(), part(3, 2)]);
  assert.deepEqual([...startUs], [1, 2, 3, 4, 5]);
  assert.deepEqual([...latencyUs], [10, 20, 30, 40, 50]);
  assert.deepEqual([...status], [201, 202, 203, 204, 205]);
});
