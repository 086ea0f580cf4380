import assert from "node:assert/strict";
import { test } from "node:test";
import { OwnMemory } from "./own-memory.ts";

test("without a free descriptor the last known memory is told", () => {
  let isExhausted = false;
  const measure = <Value>(value: Value): Value => {
    if (isExhausted) throw Object.assign(new Error("too many open files"), { code: "EMFILE" });
    return value;
  };
  const usage = { rss: 3, heapTotal: 2, heapUsed: 1, external: 0, arrayBuffers: 0 };
  const memory = new OwnMemory(
    () => measure(usage),
    () => measure(3),
  );
  assert.deepEqual([memory.residentBytes(), memory.heapUsedBytes()], [3, 1]);
  isExhausted = true;
  assert.deepEqual([memory.residentBytes(), memory.heapUsedBytes()], [3, 1]);
});

test("this process is measured", () => {
  const memory = new OwnMemory();
  assert.ok(memory.residentBytes() > memory.heapUsedBytes());
  assert.ok(memory.heapUsedBytes() > 0);
});
