/** The life of a pool, in sentences. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fakePool as pool, START_MS, TIMEOUT_MS } from "../../../../test/support/fake-pool.ts";

test("the first call starts an instance, and the next ones find it there", async () => {
  const { clock, machine, call, reached, template } = await pool();
  const first = call();
  await clock.pass(START_MS + 5);
  assert.deepEqual(first.ends, ["answered"]);
  for (let next = 0; next < 3; next++) {
    const again = call();
    await clock.pass(2);
    assert.deepEqual(again.ends, ["answered"]);
  }
  assert.deepEqual(reached, [1, 1, 1, 1]);
  assert.equal(machine.launchCount, 1);
  const { starts, way } = template.processMetrics();
  assert.deepEqual([way, starts.started.count, starts.started.spawnSumMs, starts.started.readySumMs], ["frames", 1, 5, 20]);
});

test("an instance that nobody calls for its idle time-out is stopped, down to none, and the next call starts another", async () => {
  const { clock, machine, call, states } = await pool({ settings: { idleTimeoutMs: 60_000 } });
  call();
  await clock.pass(59_000);
  assert.equal(states().Running, 1);
  await clock.pass(2_000);
  assert.equal(machine.living.size, 0);
  const late = call();
  await clock.pass(START_MS + 5);
  assert.deepEqual(late.ends, ["answered"]);
});

test("the minimum is started with the pool, kept though idle, and put back when one dies", async () => {
  const { clock, machine, states, template } = await pool({ settings: { instanceMin: 2, idleTimeoutMs: 100 } });
  await clock.pass(10_000);
  assert.equal(states().Running, 2);
  assert.equal(machine.launchCount, 2);
  [...machine.living][0]!.die(1, null);
  await clock.pass(1_000);
  assert.equal(states().Running, 2);
  assert.equal(template.processMetrics().restarts, 1);
});

test("instances are started while calls wait, up to the maximum, and those behind the queue are refused", async () => {
  const { clock, machine, call } = await pool({ settings: { instanceMax: 2, queueMax: 3 }, calls: [{ does: "never" }] });
  const calls = Array.from({ length: 5 }, () => call());
  await clock.pass(100);
  assert.equal(machine.launchCount, 2);
  assert.deepEqual(
    calls.map(({ ends }) => ends[0]),
    [undefined, undefined, undefined, "NO_INSTANCE", "NO_INSTANCE"],
  );
  assert.match(calls[4]!.failures[0]!.message, /All instances of report are busy \(at most 2\), and 3 calls wait/);
});

test("an instance has as many calls as its settings and its hello allow, and no more", async () => {
  const { clock, machine, call, reached } = await pool({
    settings: { concurrency: 8, instanceMax: 1 },
    processes: [{ concurrency: 3 }],
    calls: [{ afterMs: 100 }],
  });
  for (let at = 0; at < 5; at++) call();
  await clock.pass(START_MS + 50);
  assert.equal(reached.length, 3);
  await clock.pass(300);
  assert.equal(reached.length, 5);
  assert.equal(machine.launchCount, 1);
});

test("a program that can't be started fails the calls that wait, with the launcher's words, and isn't tried for each of them", async () => {
  const { clock, machine, call, logs, template } = await pool({ processes: [{ launch: "fails" }] });
  const first = call();
  await clock.pass(10);
  assert.deepEqual(first.failures, [{ code: "LOAD_FAILED", message: "no such interpreter: ruby" }]);
  for (let at = 0; at < 2_000; at++) {
    const next = call();
    await clock.pass(5);
    assert.equal(next.ends[0], "LOAD_FAILED");
  }
  assert.ok(machine.launchCount <= 8, `${machine.launchCount} starts in 10 s`);
  assert.equal(template.processMetrics().failedStarts, machine.launchCount);
  assert.ok(logs.every((line) => line === "error: no such interpreter: ruby"));
});

test("a program that dies right after READY backs off too, and calls wait for its next start only for a moment", async () => {
  const { clock, machine, call } = await pool({ processes: [{ livesMs: 1 }] });
  for (let at = 0; at < 1_000; at++) {
    call();
    await clock.pass(10);
  }
  assert.ok(machine.launchCount <= 16, `${machine.launchCount} starts in 10 s`);
  const last = call();
  await clock.pass(1);
  assert.match(last.failures[0]!.message, /report ended before it had answered a call: .*next start is tried in \d+ ms/);
});

test("an instance that never says READY fails its calls, and is ended", async () => {
  const { clock, machine, call } = await pool({ processes: [{ ready: "says nothing" }], settings: {} });
  const early = call();
  await clock.pass(TIMEOUT_MS);
  assert.match(early.failures[0]!.message, /had no instance for the call within 1000 ms/);
  await clock.pass(4_500);
  assert.equal(machine.living.size, 0);
});

test("a call past its deadline is answered, and an instance that is free again goes on", async () => {
  const { clock, machine, call, states } = await pool({ calls: [{ does: "never", cancel: "later" }, {}] });
  const late = call();
  await clock.pass(TIMEOUT_MS);
  assert.deepEqual(late.ends, ["CALL_TIMEOUT"]);
  const next = call();
  await clock.pass(200);
  assert.deepEqual(next.ends, ["answered"]);
  assert.equal(machine.launchCount, 1 + 1, "the next call did not wait for the instance that was in doubt");
  assert.equal(states().Running, 2);
});

test("an instance that stays silent after a call was given up is killed within the grace period, and replaced", async () => {
  const { clock, machine, call, template, logs } = await pool({
    settings: { instanceMax: 1 },
    processes: [{ isWell: false, ignoresTerm: true }, {}],
    calls: [{ does: "never", cancel: "never" }, {}],
  });
  const late = call();
  await clock.pass(TIMEOUT_MS);
  const next = call();
  await clock.pass(1_200);
  assert.deepEqual([late.ends, next.ends], [["CALL_TIMEOUT"], ["CALL_TIMEOUT"]]);
  const third = call();
  await clock.pass(START_MS + 20);
  assert.deepEqual(third.ends, ["answered"]);
  assert.equal(machine.living.size, 1);
  assert.equal(template.processMetrics().restarts, 1);
  assert.match(logs[0]!, /^warn: Instance 1 of report is gone: it did not answer after its call was given up \(SIGKILL\)$/);
});

test("an instance that answers, and never ends the calls that were given up, is replaced once it is full of them", async () => {
  const { clock, machine, call } = await pool({
    settings: { instanceMax: 1, concurrency: 2 },
    calls: [{ does: "never", cancel: "never" }, {}, { does: "never", cancel: "never" }, {}],
  });
  const first = call();
  await clock.pass(TIMEOUT_MS + 1_500);
  assert.equal(machine.launchCount, 1);
  const beside = call();
  await clock.pass(20);
  assert.deepEqual([first.ends, beside.ends], [["CALL_TIMEOUT"], ["answered"]]);
  call();
  await clock.pass(TIMEOUT_MS + 1_500);
  const next = call();
  await clock.pass(START_MS + 20);
  assert.deepEqual(next.ends, ["answered"]);
  assert.equal(machine.launchCount, 2);
});

test("an instance that goes on with a call that its link has failed is given others when that is over, or replaced", async () => {
  for (const cancel of ["later", "never"] as const) {
    const { clock, machine, call } = await pool({ settings: { instanceMax: 1 }, calls: [{}, { does: "mumble", cancel }, {}] });
    call();
    await clock.pass(START_MS + 5);
    const bad = call();
    await clock.pass(5);
    const next = call();
    await clock.pass(995);
    assert.deepEqual([bad.ends, next.ends], [["INVALID_ANSWER"], cancel === "later" ? ["answered"] : []]);
    await clock.pass(100);
    assert.equal(machine.launchCount, cancel === "later" ? 1 : 2);
  }
});

test("an HTTP program that answered nothing while a call waited for as long as it may is replaced", async () => {
  const { clock, machine, call } = await pool({ way: "http", settings: { instanceMax: 1 }, calls: [{ does: "never" }, {}] });
  call();
  await clock.pass(TIMEOUT_MS + 100);
  const next = call();
  await clock.pass(START_MS + 20);
  assert.deepEqual(next.ends, ["answered"]);
  assert.equal(machine.launchCount, 2);
});

test("a streamed answer has no deadline once it has begun", async () => {
  const { clock, call } = await pool({ calls: [{ does: "stream", afterMs: 900 }] });
  const long = call();
  await clock.pass(TIMEOUT_MS + 500);
  assert.deepEqual(long.ends, []);
  await clock.pass(500);
  assert.deepEqual(long.ends, ["answered"]);
});

test("an idle instance that does not answer for its health is replaced", async () => {
  const { clock, call, template } = await pool({
    settings: { healthIntervalMs: 1_000, instanceMin: 1 },
    processes: [{ isWell: false }, {}],
  });
  call();
  await clock.pass(3_000);
  const { healthFailures, restarts, instances } = template.processMetrics();
  assert.deepEqual([healthFailures, restarts, instances.Running], [1, 1, 1]);
});

test("a call whose process crashed goes to another instance when it may be repeated, and fails when it may not", async () => {
  const { clock, call, reached, template } = await pool({ calls: [{}, { does: "crash" }, {}, { does: "crash" }] });
  call();
  await clock.pass(100);
  const read = call("GET");
  await clock.pass(100);
  assert.deepEqual(read.ends, ["answered"]);
  assert.deepEqual(reached, [1, 1, 2]);
  const write = call("POST");
  await clock.pass(100);
  assert.deepEqual(write.failures, [{ code: "SANDBOX_LOST", message: "The process of report ended while it had the call: exit code 139" }]);
  assert.equal(template.processMetrics().resentCalls, 1);
});

test("a process that was ended for its memory says so to the call it had", async () => {
  const { clock, call, reached } = await pool({ processes: [{ isOverMemory: true }], calls: [{ does: "crash" }] });
  const heavy = call("GET");
  await clock.pass(100);
  assert.equal(heavy.failures[0]!.code, "MEMORY_LIMIT_EXCEEDED");
  assert.deepEqual(reached, [1], "it was not given to another, to end that too");
});

test("with fresh state every call has an instance of its own", async () => {
  const { clock, call, reached, machine } = await pool({ freshState: true, settings: { concurrency: 8, instanceMax: 3 } });
  const calls = Array.from({ length: 6 }, () => call());
  await clock.pass(1_000);
  assert.ok(calls.every(({ ends }) => ends[0] === "answered"));
  assert.equal(new Set(reached).size, 6);
  assert.equal(machine.living.size, 0);
});

test("a retired pool answers the calls it has, takes none, and its processes leave", async () => {
  const { clock, call, sandbox, machine, template } = await pool({ settings: { instanceMax: 1 }, calls: [{ afterMs: 50 }] });
  const calls = [call(), call()];
  await clock.pass(START_MS + 10);
  sandbox.retire();
  template.close();
  const refused = call();
  assert.deepEqual(refused.ends, ["SANDBOX_CLOSED"]);
  assert.equal(sandbox.closed, false);
  await clock.pass(200);
  assert.deepEqual(
    calls.map(({ ends }) => ends[0]),
    ["answered", "answered"],
  );
  assert.equal(sandbox.closed, true);
  assert.deepEqual([machine.living.size, machine.closeCount], [0, 1]);
});

test("a process that does not leave when asked gets SIGTERM after half of its time, and SIGKILL at its end", async () => {
  const { clock, call, sandbox, machine } = await pool({ settings: { stopTimeoutMs: 1_000 }, processes: [{ ignoresTerm: true }] });
  call();
  await clock.pass(100);
  const [stubborn] = machine.living;
  sandbox.close();
  await clock.pass(499);
  assert.equal(stubborn!.isToldToGo, false);
  await clock.pass(2);
  assert.equal(stubborn!.isToldToGo, true);
  await clock.pass(490);
  assert.equal(stubborn!.isEnded, false);
  await clock.pass(20);
  assert.equal(stubborn!.isEnded, true);
});

test("the engine's end gives no process time", async () => {
  const { clock, call, engine, machine } = await pool({ processes: [{ ignoresTerm: true }], calls: [{ does: "never" }] });
  const open = call();
  await clock.pass(100);
  engine.close();
  assert.deepEqual(open.ends, ["SANDBOX_CLOSED"]);
  await clock.pass(5);
  assert.equal(machine.living.size, 0);
});

test("a pool can be warm before anybody calls, and says why it can't", async () => {
  const warm = await pool();
  const ready = warm.sandbox.warmUp();
  await warm.clock.pass(START_MS + 5);
  assert.equal(await ready, null);
  const first = warm.call();
  await warm.clock.pass(3);
  assert.deepEqual(first.ends, ["answered"]);

  const cold = await pool({ processes: [{ ready: "exits" }] });
  const failed = cold.sandbox.warmUp();
  await cold.clock.pass(START_MS + 5);
  assert.deepEqual(await failed, { code: "LOAD_FAILED", message: "it ended before READY: exit code 3" });
});

test("instances that did not come to be as asked say so once for each reason, and in the metrics", async () => {
  const { clock, logs, template } = await pool({ settings: { instanceMin: 4 } });
  await clock.pass(100);
  const { starts, insteadBecause } = template.processMetrics();
  assert.deepEqual([starts.started.count, starts.forked.count], [3, 1]);
  assert.equal(insteadBecause, "this machine has no criu");
  assert.deepEqual(logs, Array(2).fill("warn: Its instances are started, not as its settings ask: this machine has no criu"));
});
