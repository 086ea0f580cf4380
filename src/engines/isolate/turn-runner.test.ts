/** The CPU limit of a turn in the pool, with an isolate whose turn never ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type ivm from "isolated-vm";
import { LaneHistory } from "./lane.ts";
import { TurnRunner } from "./turn-runner.ts";
import type { Watchdog } from "./watchdog.ts";

const CPU_TIMEOUT_MS = 400;

/** What isolated-vm tells of a turn that still runs: the time since it began. */
function endlessIsolate(): ivm.Isolate {
  const startMs = performance.now();
  const isolate = {
    isDisposed: false,
    get cpuTime(): bigint {
      return BigInt(Math.round((performance.now() - startMs) * 1e6));
    },
  };
  return isolate as unknown as ivm.Isolate;
}

function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

test("a turn that is kept from its processor is not ended for the time that passes", async () => {
  const overran = Promise.withResolvers<void>();
  let isOver = false;
  const owner = {
    threw: () => {},
    overran: () => {
      isOver = true;
      overran.resolve();
    },
    outgrew: () => {},
    ranAway: () => {},
    poolLeft: () => {},
  };
  const observer = { loopTurn: () => {}, threadTurn: () => 0, threadTurnEnded: () => {} };
  const limits = { functionId: "f", cpuTimeoutMs: CPU_TIMEOUT_MS };
  const turns = new TurnRunner(endlessIsolate(), new LaneHistory(), limits, {} as Watchdog, observer, owner);
  const entry = { applySync: () => {}, apply: () => new Promise<never>(() => {}) };
  const [startMs, cpuAtStartMs] = [performance.now(), ownCpuMs()];
  turns.run({ callId: 1, entry, args: [], options: {}, ended: null });
  // Idle, which is what a starved process is, for longer than the limit; the tests' own work counts.
  while (performance.now() - startMs < 2 * CPU_TIMEOUT_MS && ownCpuMs() - cpuAtStartMs < CPU_TIMEOUT_MS / 2) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    turns.checkPool();
    assert.equal(isOver, ownCpuMs() - cpuAtStartMs >= CPU_TIMEOUT_MS);
  }
  const busyUntilMs = ownCpuMs() + CPU_TIMEOUT_MS;
  while (ownCpuMs() < busyUntilMs);
  await overran.promise;
  turns.close();
});
