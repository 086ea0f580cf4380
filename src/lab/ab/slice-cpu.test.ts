import assert from "node:assert/strict";
import { test } from "node:test";
import { SliceCpu } from "./slice-cpu.ts";

/** What the kernel tells at one look after the other. */
function told(...readings: number[]): SliceCpu {
  return new SliceCpu(() => readings.shift()!);
}

function slice(cpu: SliceCpu): number {
  cpu.open();
  cpu.begin();
  return cpu.end();
}

test("work that is put off until the other side is loaded is charged, the opening of connections is not", () => {
  // Booted with 500. Slice 100; 30 between; connections 1,000; slice 100; 70 after the last.
  const cpu = told(500, 500, 600, 630, 1_630, 1_730, 1_800);
  assert.equal(slice(cpu), 100);
  assert.equal(slice(cpu), 100);
  cpu.close();
  assert.equal(cpu.totalUs, 300);
  assert.equal(cpu.betweenShare, 1 / 3);
});

test("nothing before the first slice is charged, and nothing at all has no share", () => {
  const cpu = told(500, 500, 500);
  assert.equal(slice(cpu), 0);
  assert.equal(cpu.totalUs, 0);
  assert.equal(cpu.betweenShare, 0);
});
