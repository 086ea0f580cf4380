import assert from "node:assert/strict";
import { test } from "node:test";
import { choosePair, parseCores } from "./cores.ts";

test("a kernel's list of cores is read with its ranges, and nonsense is no core", () => {
  assert.deepEqual(parseCores("0-2,5"), [0, 1, 2, 5]);
  assert.deepEqual(parseCores("7"), [7]);
  assert.deepEqual(parseCores(""), []);
});

test("server and load never share a physical core while another one is free, and it is known when they do", () => {
  const pairs = (core: number): number[] => [core % 4, (core % 4) + 4];
  assert.deepEqual(
    choosePair([0, 1, 2, 3, 4, 5, 6, 7], (core) => pairs(core)),
    { serverCore: 0, loadCore: 7, sharesCore: false },
  );
  assert.deepEqual(
    choosePair([0, 1, 4], (core) => pairs(core)),
    { serverCore: 0, loadCore: 1, sharesCore: false },
  );
  assert.deepEqual(
    choosePair([0, 4], (core) => pairs(core)),
    { serverCore: 0, loadCore: 4, sharesCore: true },
  );
});

test("one core is never split", () => {
  assert.equal(
    choosePair([3], () => []),
    null,
  );
});
