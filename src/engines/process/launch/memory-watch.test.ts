import assert from "node:assert/strict";
import { test } from "node:test";
import { MIB } from "../../../base/units.ts";
import { LOOK_MAX_MS, LOOK_MIN_MS, nextLookMs } from "./memory-watch.ts";

test("the next look comes when the room could be used up, sooner the less there is", () => {
  assert.equal(nextLookMs(1_024 * MIB, 512 * MIB, null), 500);
  assert.equal(nextLookMs(256 * MIB, 250 * MIB, null), LOOK_MIN_MS);
  assert.equal(nextLookMs(64_000 * MIB, 0, null), LOOK_MAX_MS);
  assert.equal(nextLookMs(null, 0, null), LOOK_MIN_MS);
});

test("what rests is looked at ever less often, and what grows at once as often as before", () => {
  assert.equal(nextLookMs(256 * MIB, 250 * MIB, LOOK_MIN_MS), 2 * LOOK_MIN_MS);
  assert.equal(nextLookMs(256 * MIB, 250 * MIB, 800), LOOK_MAX_MS);
  assert.equal(nextLookMs(256 * MIB, 250 * MIB, null), LOOK_MIN_MS);
});
