import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyedQueue } from "./keyed-queue.ts";

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("work for one key happens one after the other, failures included, and keys don't wait for each other", async () => {
  const queue = new KeyedQueue();
  const seen: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = queue.run("a", async () => {
    await gate.promise;
    seen.push("a1");
    throw new Error("a1 broke");
  });
  const second = queue.run("a", async () => seen.push("a2"));
  await queue.run("b", async () => seen.push("b1"));
  assert.deepEqual(seen, ["b1"]);
  gate.resolve();
  await assert.rejects(first, /a1 broke/);
  await second;
  assert.deepEqual(seen, ["b1", "a1", "a2"]);
});

test("idle waits for what is added while it waits", async () => {
  const queue = new KeyedQueue();
  const seen: string[] = [];
  void queue.run("a", async () => {
    await tick();
    seen.push("a");
    void queue.run("b", async () => {
      await tick();
      seen.push("b");
    });
  });
  await queue.idle();
  assert.deepEqual(seen, ["a", "b"]);
});
