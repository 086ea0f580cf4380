import assert from "node:assert/strict";
import { describe, mock, test } from "node:test";
import { CallPool, type PoolClient } from "./call-pool.ts";

function client(name: string, log: string[]): PoolClient {
  return { gone: false, granted: () => log.push(`${name} granted`), refused: () => log.push(`${name} refused`) };
}
const microtasks = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("the call pool", () => {
  test("lets as many calls in as it has places", () => {
    const log: string[] = [];
    const pool = new CallPool(2, 0);
    for (const name of ["a", "b", "c"]) pool.enter(client(name, log));
    assert.deepEqual(log, ["a granted", "b granted", "c refused"]);
    assert.equal(pool.metrics().exhausted, 1);
  });

  test("gives a free place to whoever waits longest", async () => {
    const log: string[] = [];
    const pool = new CallPool(1, 1_000);
    for (const name of ["a", "b", "c"]) pool.enter(client(name, log));
    pool.leave(10);
    await microtasks();
    pool.leave(10);
    await microtasks();
    assert.deepEqual(log, ["a granted", "b granted", "c granted"]);
    assert.equal(pool.metrics().waitCount, 2);
  });

  test("refuses a call that has waited too long, and only that one", () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    const clock = mock.method(performance, "now", () => nowMs);
    let nowMs = 0;
    const log: string[] = [];
    const pool = new CallPool(1, 5);
    pool.enter(client("a", log));
    pool.enter(client("early", log));
    nowMs = 4;
    mock.timers.tick(4);
    pool.enter(client("late", log));
    nowMs = 5;
    mock.timers.tick(1);
    assert.deepEqual(log, ["a granted", "early refused"]);
    nowMs = 9;
    mock.timers.tick(4);
    assert.deepEqual(log, ["a granted", "early refused", "late refused"]);
    clock.mock.restore();
    mock.timers.reset();
  });

  test("does not let a newcomer pass those who wait", () => {
    const log: string[] = [];
    const pool = new CallPool(1, 1_000);
    pool.enter(client("a", log));
    pool.enter(client("waiting", log));
    pool.leave(10);
    // The place is free, and given out in the next microtask.
    pool.enter(client("newcomer", log));
    assert.deepEqual(log, ["a granted"]);
  });

  test("gives no place to a client that left while it waited", async () => {
    const log: string[] = [];
    const pool = new CallPool(1, 1_000);
    pool.enter(client("a", log));
    pool.enter({ ...client("left", log), gone: true });
    pool.leave(10);
    await microtasks();
    assert.deepEqual(log, ["a granted"]);
    assert.equal(pool.inUse, 0);
  });

  test("refuses at once when the queue itself is full", () => {
    const log: string[] = [];
    const pool = new CallPool(1, 1_000);
    for (let at = 0; at < 18; at++) pool.enter(client(String(at), log));
    assert.deepEqual(log, ["0 granted", "17 refused"]);
  });

  test("prints its metrics in the zigttp page's words", () => {
    const pool = new CallPool(8, 0);
    for (let at = 0; at < 3; at++) pool.enter(client("x", []));
    pool.leave(500);
    assert.equal(pool.metricsLine(), "Pool metrics: in_use=2/8 exhausted=0 avg_wait_us=0 max_wait_us=0 avg_exec_us=500 max_exec_us=500");
  });
});
