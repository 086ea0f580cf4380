import assert from "node:assert/strict";
import { test } from "node:test";
import { type Evictable, SandboxBudget } from "./sandbox-budget.ts";

const MIB = 1024 * 1024;

interface FakeRuntime extends Evictable {
  idleSandbox: boolean;
  hasSandbox: boolean;
  lastCallMs: number;
  measureCount: number;
}

function runtime(name: string, options: { mib: number; lastCallMs: number; idle?: boolean }, evicted: string[]): FakeRuntime {
  return {
    hasSandbox: true,
    idleSandbox: options.idle ?? true,
    lastCallMs: options.lastCallMs,
    measureCount: 0,
    heapUsedBytes() {
      this.measureCount++;
      return options.mib * MIB;
    },
    evict() {
      this.hasSandbox = false;
      evicted.push(name);
    },
  };
}

function budgetOf(budgetBytes: number, runtimes: readonly FakeRuntime[]): SandboxBudget<FakeRuntime> {
  const budget = new SandboxBudget<FakeRuntime>(budgetBytes);
  for (const one of runtimes) budget.add(one);
  return budget;
}

test("closes the least recently used idle sandboxes until the rest fits", (t) => {
  const evicted: string[] = [];
  const budget = budgetOf(22 * MIB, [
    runtime("newest", { mib: 10, lastCallMs: 30 }, evicted),
    runtime("oldest", { mib: 10, lastCallMs: 10 }, evicted),
    runtime("middle", { mib: 10, lastCallMs: 20 }, evicted),
  ]);
  t.after(() => budget.close());
  budget.keep();
  assert.deepEqual(evicted, ["oldest"]);
});

test("leaves sandboxes alone that are answering", (t) => {
  const evicted: string[] = [];
  const budget = budgetOf(50 * MIB, [
    runtime("busy", { mib: 100, lastCallMs: 1, idle: false }, evicted),
    runtime("idle", { mib: 100, lastCallMs: 2 }, evicted),
  ]);
  t.after(() => budget.close());
  budget.keep();
  assert.deepEqual(evicted, ["idle"]);
});

test("closes nothing within the budget, and of many that nobody called measures a few at a time", (t) => {
  const evicted: string[] = [];
  const idle = Array.from({ length: 100 }, () => runtime("idle", { mib: 1, lastCallMs: 1 }, evicted));
  const called = runtime("called", { mib: 1, lastCallMs: 1 }, evicted);
  const budget = budgetOf(1_000 * MIB, [...idle, called]);
  t.after(() => budget.close());
  budget.keep();
  const sum = (): number => idle.reduce((count, { measureCount }) => count + measureCount, 0);
  assert.equal(sum(), 100);
  called.lastCallMs = 2;
  budget.keep();
  assert.deepEqual([evicted, called.measureCount], [[], 2]);
  assert.ok(sum() > 100 && sum() < 150, `${sum()}`);
  for (let look = 0; look < 20; look++) budget.keep();
  assert.ok(idle.every(({ measureCount }) => measureCount > 1));
});

test("closes many in steps, so that calls get their turn in between", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const evicted: string[] = [];
  const budget = budgetOf(
    1 * MIB,
    Array.from({ length: 20 }, (_, index) => runtime(String(index), { mib: 10, lastCallMs: index }, evicted)),
  );
  budget.keep();
  const atOnce = evicted.length;
  assert.ok(atOnce > 0 && atOnce < 10);
  for (let step = 0; step < 20; step++) t.mock.timers.tick(1);
  assert.equal(evicted.length, 20);
});

test("looks by itself a moment after an opening", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const evicted: string[] = [];
  budgetOf(1, [runtime("large", { mib: 10, lastCallMs: 1 }, evicted)]);
  t.mock.timers.tick(1_000);
  assert.deepEqual(evicted, ["large"]);
});
