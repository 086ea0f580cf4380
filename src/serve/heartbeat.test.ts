import assert from "node:assert/strict";
import { test } from "node:test";
import { BOOT_MAX_MS, createPulse, HEARTBEAT_TICK_MS, SILENCE_MAX_MS } from "./heartbeat.ts";

function ticksUntilStuck(pulse: ReturnType<typeof createPulse>, elapsedMs: number): number {
  for (let ticks = 1; ticks < 10_000; ticks++) if (pulse.tick(elapsedMs)) return ticks;
  throw new Error("never taken for stuck");
}

test("a worker that was heard once and falls silent is stuck after five seconds", () => {
  const pulse = createPulse();
  pulse.beat();
  assert.equal(ticksUntilStuck(pulse, HEARTBEAT_TICK_MS), SILENCE_MAX_MS / HEARTBEAT_TICK_MS + 1);
});

test("every sign of life starts the count again", () => {
  const pulse = createPulse();
  for (let round = 0; round < 10; round++) {
    pulse.beat();
    for (let tick = 0; tick < 9; tick++) assert.equal(pulse.tick(HEARTBEAT_TICK_MS), false);
  }
});

test("a supervisor that slept for an hour does not blame its workers", () => {
  const pulse = createPulse();
  pulse.beat();
  assert.equal(pulse.tick(3_600_000), false);
  assert.equal(pulse.tick(HEARTBEAT_TICK_MS), false);
});

test("a worker that never boots is given longer, not for ever", () => {
  assert.equal(ticksUntilStuck(createPulse(), HEARTBEAT_TICK_MS), BOOT_MAX_MS / HEARTBEAT_TICK_MS + 1);
});

test("a supervisor whose ticks are late is on a starved machine, and gives its workers the longer", () => {
  const pulse = createPulse();
  pulse.beat();
  assert.equal(ticksUntilStuck(pulse, 1.5 * HEARTBEAT_TICK_MS), (2 * SILENCE_MAX_MS) / HEARTBEAT_TICK_MS + 1);
});

test("no lateness keeps a stuck worker for ever", () => {
  const pulse = createPulse();
  pulse.beat();
  assert.equal(ticksUntilStuck(pulse, 10 * HEARTBEAT_TICK_MS), (4 * SILENCE_MAX_MS) / HEARTBEAT_TICK_MS + 1);
});
