import assert from "node:assert/strict";
import { test } from "node:test";
import { costsUs } from "./cost.ts";

test("rivals take turns, so that a slow moment meets all of them", () => {
  const order: string[] = [];
  const costs = costsUs([() => void order.push("a"), () => void order.push("b")]);
  assert.equal(costs.length, 2);
  assert.equal(order.length % 2, 0);
  assert.ok(order.every((name, index) => name === (index % 2 === 0 ? "a" : "b")));
});

test("a run that takes longer than all the time there is still has its cost, from several", () => {
  const waiting = new Int32Array(new SharedArrayBuffer(4));
  let count = 0;
  const [cost] = costsUs([
    () => {
      count++;
      Atomics.wait(waiting, 0, 0, 250);
    },
  ]);
  assert.equal(count, 6);
  assert.ok(Number.isFinite(cost));
});
