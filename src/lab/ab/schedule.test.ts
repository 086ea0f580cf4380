import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../../stats/random.ts";
import { rounds } from "./schedule.ts";

function orderOf(seed: number, count: number): string {
  const order = rounds(createRandom(seed));
  return Array.from({ length: count }, () => order.next().value.join("")).join(" ");
}

test("the same seed gives the same order, another seed another one", () => {
  assert.equal(orderOf(7, 40), orderOf(7, 40));
  assert.notEqual(orderOf(7, 40), orderOf(8, 40));
});

test("every round holds both sides, and neither always goes first", () => {
  const order = orderOf(1, 40).split(" ");
  assert.deepEqual(new Set(order), new Set(["ab", "ba"]));
});

test("of every two rounds each side begins one", () => {
  for (let seed = 0; seed < 50; seed++) {
    const order = orderOf(seed, 20).split(" ");
    for (let round = 0; round < order.length; round += 2) assert.notEqual(order[round], order[round + 1]);
  }
});
