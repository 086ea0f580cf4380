import assert from "node:assert/strict";
import { test } from "node:test";
import { Merge } from "./merge.ts";

async function* counted(name: string, count: number, log: string[]): AsyncGenerator<string, void, void> {
  try {
    for (let at = 0; at < count; at++) {
      log.push(`${name}${at}`);
      yield `${name}${at}`;
    }
  } finally {
    log.push(`${name} ends`);
  }
}

async function rest(merge: Merge<string>): Promise<string[]> {
  const items: string[] = [];
  for (let step = await merge.next(); step !== null; step = await merge.next()) if (step.kind === "item") items.push(step.item);
  return items;
}

test("every item of every source comes, in each source's order", async () => {
  const merge = new Merge<string>();
  for (const name of ["a", "b", "c"]) merge.add(counted(name, 3, []));
  const items = await rest(merge);
  assert.equal(items.length, 9);
  for (const name of ["a", "b", "c"])
    assert.deepEqual(
      items.filter((item) => item.startsWith(name)),
      [0, 1, 2].map((at) => `${name}${at}`),
    );
});

test("no source runs ahead of the reader by more than one item", async () => {
  const merge = new Merge<string>();
  const log: string[] = [];
  merge.add(counted("a", 9, log));
  merge.add(counted("b", 9, log));
  await merge.next();
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(log, ["a0", "b0"]);
});

test("a dropped source is not heard of again, not even what it had ready", async () => {
  const merge = new Merge<string>();
  const log: string[] = [];
  const dropped = counted("a", 9, log);
  merge.add(dropped);
  merge.add(counted("b", 2, log));
  await new Promise((resolve) => setImmediate(resolve));
  merge.drop(dropped);
  assert.deepEqual(await rest(merge), ["b0", "b1"]);
  assert.ok(log.includes("a ends"));
});

test("an error comes with its source, and the others go on", async () => {
  const merge = new Merge<string>();
  const broken = (async function* () {
    yield "x";
    throw new Error("broke");
  })();
  merge.add(broken);
  merge.add(counted("a", 2, []));
  const kinds: string[] = [];
  for (let step = await merge.next(); step !== null; step = await merge.next()) {
    kinds.push(step.kind);
    if (step.kind === "error") assert.equal(step.source, broken);
  }
  assert.deepEqual(kinds.sort(), ["end", "error", "item", "item", "item"]);
});
