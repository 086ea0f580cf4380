import assert from "node:assert/strict";
import { test } from "node:test";
import { SingleFlight } from "./single-flight.ts";

function flights() {
  const single = new SingleFlight<number>();
  const starts: PromiseWithResolvers<number>[] = [];
  const run = (key: string) =>
    single.run(key, () => {
      const start = Promise.withResolvers<number>();
      starts.push(start);
      return start.promise;
    });
  return { single, starts, run };
}

test("who wants the same at the same time gets the same; who comes after its end has it done anew", async () => {
  const { starts, run } = flights();
  const both = [run("a"), run("a")];
  const other = run("b");
  assert.equal(starts.length, 2);
  starts[0]!.resolve(1);
  starts[1]!.resolve(2);
  assert.deepEqual(await Promise.all([...both, other]), [1, 1, 2]);
  const again = run("a");
  starts[2]!.resolve(3);
  assert.equal(await again, 3);
});

test("a failure is told to all who wait for it, and to nobody after", async () => {
  const { starts, run } = flights();
  const both = [run("a"), run("a")];
  starts[0]!.reject(new Error("no luck"));
  for (const one of both) await assert.rejects(one, /no luck/);
  const again = run("a");
  starts[1]!.resolve(1);
  assert.equal(await again, 1);
});

test("nobody joins what was parted from, and its end takes nothing from who came after", async () => {
  const { single, starts, run } = flights();
  const before = run("a");
  single.partAll();
  const after = run("a");
  starts[0]!.resolve(1);
  assert.equal(await before, 1);
  const joined = run("a");
  assert.equal(starts.length, 2);
  starts[1]!.resolve(2);
  assert.deepEqual(await Promise.all([after, joined]), [2, 2]);
  const failing = run("b");
  const parted = single.part("b");
  starts[2]!.reject(new Error("no luck"));
  await parted;
  await assert.rejects(failing, /no luck/);
});
