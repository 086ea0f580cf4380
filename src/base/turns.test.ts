import assert from "node:assert/strict";
import test from "node:test";
import { Turns } from "./turns.ts";

test("so many run at once, the others in the order in which they came", async () => {
  const turns = new Turns(2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const works = [0, 1, 2, 3].map((count) =>
    turns.run(() => {
      begun.push(count);
      return new Promise<void>((resolve) => ends.push(resolve));
    }),
  );
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(begun, [0, 1]);
  ends[1]?.();
  await works[1];
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(begun, [0, 1, 2]);
  ends[0]?.();
  ends[2]?.();
  await works[2];
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(begun, [0, 1, 2, 3]);
  ends[3]?.();
  await Promise.all(works);
});

test("work that fails gives its place back", async () => {
  const turns = new Turns(1);
  await assert.rejects(turns.run(() => Promise.reject(new Error("no luck"))));
  assert.equal(await turns.run(async () => "done"), "done");
});
