import assert from "node:assert/strict";
import test from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { atOnce } from "./at-once.ts";

test("every item is run once, and no more at once than told", async () => {
  let [running, most] = [0, 0];
  const done: number[] = [];
  await atOnce(3, Array.from({ length: 20 }, (_, item) => item).values(), async (item) => {
    most = Math.max(most, ++running);
    await turn();
    running--;
    done.push(item);
  });
  assert.equal(most, 3);
  assert.deepEqual(
    done.sort((one, other) => one - other),
    Array.from({ length: 20 }, (_, item) => item),
  );
});

test("a rejection stops what hasn't begun and is passed on when the rest has ended", async () => {
  const ended: number[] = [];
  const run = async (item: number) => {
    if (item === 1) throw new Error("broken");
    await turn();
    ended.push(item);
  };
  await assert.rejects(atOnce(2, [0, 1, 2, 3], run), /broken/);
  assert.deepEqual(ended, [0]);
});
