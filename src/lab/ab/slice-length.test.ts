import assert from "node:assert/strict";
import { test } from "node:test";
import { edgeProblem, sliceCount } from "./slice-length.ts";

test("a fast server is loaded in slices of a quarter of a second", () => {
  assert.equal(sliceCount(1_000, 0.6), 4);
  assert.equal(sliceCount(100, 0.6), 1);
});

test("a server that waits is loaded in slices that hold fifty answers of a user, or in one", () => {
  const count = sliceCount(20_000, 90);
  assert.ok(count > 1 && 20_000 / count >= 50 * 90, String(count));
  assert.equal(sliceCount(1_000, 90), 1);
});

test("without a warm-up nothing is known of the time of an answer, and nothing is cut", () => {
  assert.equal(sliceCount(10_000, null), 1);
});

test("a slice that is too short for its answers is named with what would mend it", () => {
  assert.equal(edgeProblem([{ sliceMs: 250, p50Us: 600 }]), null);
  const because = edgeProblem([
    { sliceMs: 1_000, p50Us: 600 },
    { sliceMs: 1_000, p50Us: 120_000 },
  ]);
  assert.equal(
    because,
    "slices of 1.00 s are too short for answers that take 120 ms: how each begins and ends would decide; raise --seconds to 9, and --max-time with it",
  );
});
