import assert from "node:assert/strict";
import { test } from "node:test";
import { type Evictable, enforceBudget } from "./sandbox-budget.ts";

const MIB = 1024 * 1024;

function runtime(name: string, options: { mib: number; lastCallMs: number; idle?: boolean }, evicted: string[]): Evictable {
  return {
    idleSandbox: options.idle ?? true,
    lastCallMs: options.lastCallMs,
    heapUsedBytes: () => options.mib * MIB,
    evict: () => evicted.push(name),
  };
}

test("closes the least recently used idle sandboxes until the rest fits", () => {
  const evicted: string[] = [];
  const open = [
    runtime("newest", { mib: 10, lastCallMs: 30 }, evicted),
    runtime("oldest", { mib: 10, lastCallMs: 10 }, evicted),
    runtime("middle", { mib: 10, lastCallMs: 20 }, evicted),
  ];
  assert.equal(enforceBudget(open, 22 * MIB), 1);
  assert.deepEqual(evicted, ["oldest"]);
});

test("leaves sandboxes alone that are answering", () => {
  const evicted: string[] = [];
  enforceBudget(
    [runtime("busy", { mib: 100, lastCallMs: 1, idle: false }, evicted), runtime("idle", { mib: 100, lastCallMs: 2 }, evicted)],
    50 * MIB,
  );
  assert.deepEqual(evicted, ["idle"]);
});

test("closes nothing within the budget", () => {
  assert.equal(enforceBudget([runtime("a", { mib: 1, lastCallMs: 1 }, [])], 100 * MIB), 0);
});
