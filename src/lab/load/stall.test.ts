import assert from "node:assert/strict";
import { test } from "node:test";
import { findStall } from "./stall.ts";

const pairs = (...values: number[]) => Float64Array.from(values);
const INSTANT = pairs(0, 100);

test("a second write that waits for an acknowledgement shows in receiving", () => {
  assert.deepEqual(findStall({ waiting: INSTANT, receiving: pairs(40, 10, 41_500, 90) }), { share: 0.9, phase: "receiving" });
});

test("a stall behind a proxy shows in waiting, beside answers that had none", () => {
  assert.deepEqual(findStall({ waiting: pairs(900, 60, 40_900, 40), receiving: INSTANT }), { share: 0.4, phase: "waiting" });
});

test("a server that needs 40 ms, or some time around it, is merely slow", () => {
  assert.equal(findStall({ waiting: pairs(40_000, 100), receiving: INSTANT }), null);
  assert.equal(findStall({ waiting: pairs(1_000, 10, 32_000, 30, 40_000, 30, 47_000, 30), receiving: INSTANT }), null);
});

test("a few requests are chance, and none are nothing", () => {
  assert.equal(findStall({ waiting: INSTANT, receiving: pairs(0, 98, 40_000, 2) }), null);
  assert.equal(findStall({ waiting: pairs(), receiving: pairs() }), null);
});
