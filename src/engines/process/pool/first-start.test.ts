/** How it is found out what a program is, and one-shot programs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { countedCall } from "../../../../test/support/counted-call.ts";
import { fakePool as pool, START_MS, TIMEOUT_MS } from "../../../../test/support/fake-pool.ts";

test("a program that says READY to its first start is called in the way it asks for, its first call among the others", async () => {
  const { clock, call, reached, template, machine, logs } = await pool({ way: "ring", settings: { call: "auto", instanceMax: 1 } });
  assert.equal(template.processMetrics().way, null);
  const calls = [call("POST"), call("POST")];
  await clock.pass(START_MS + 20);
  assert.deepEqual(
    calls.map(({ ends }) => ends[0]),
    ["answered", "answered"],
  );
  assert.deepEqual(reached, [1, 1]);
  assert.equal(machine.launchCount, 1);
  assert.equal(template.processMetrics().way, "ring");
  assert.equal(template.processMetrics().resentCalls, 0);
  assert.deepEqual(logs, []);
});

test("a program that ends with output answers by it, each call from then on by a process of its own, and that is told once", async () => {
  const { clock, call, reached, template, logs } = await pool({ way: "stdio", settings: { call: "auto", instanceMax: 2 } });
  const calls = Array.from({ length: 5 }, () => call("POST"));
  await clock.pass(200);
  assert.ok(calls.every(({ ends }) => ends[0] === "answered"));
  assert.deepEqual(reached, [1, 2, 3, 4, 5]);
  assert.deepEqual(logs, [
    "info: report answers as a one-shot program (its first run ended with output); set call: stdio to spare the guess",
    "warn: Its instances are started, not as its settings ask: this machine has no criu",
    "warn: Its instances are started, not as its settings ask: this machine has no criu",
  ]);
  const later = await template.open();
  const next = countedCall(9, { method: "GET", isBodyWhole: true });
  later.invoke(next.call);
  await clock.pass(20);
  assert.deepEqual(next.ends, ["answered"], "another pool of the template guessed again");
});

test("a program that ends its first start without a word fails the calls that wait, and the next ones try again", async () => {
  const { clock, call, template } = await pool({ way: "ring", settings: { call: "auto" }, processes: [{ ready: "exits" }, {}] });
  const calls = [call(), call()];
  await clock.pass(START_MS + 5);
  for (const { failures } of calls) assert.deepEqual(failures, [{ code: "LOAD_FAILED", message: "it ended before READY: exit code 3" }]);
  assert.match(call().failures[0]!.message, /next start is tried in/);
  await clock.pass(100);
  const later = call();
  await clock.pass(START_MS + 20);
  assert.deepEqual(later.ends, ["answered"]);
  assert.equal(template.processMetrics().failedStarts, 1);
});

test("a client that leaves during the first start does not keep the others from learning what the program is", async () => {
  const { clock, call, machine } = await pool({ way: "ring", settings: { call: "auto" } });
  const gone = call();
  const stays = call();
  await clock.pass(10);
  gone.leave();
  await clock.pass(START_MS + 20);
  assert.deepEqual([gone.ends, stays.ends], [[], ["answered"]]);
  assert.equal(machine.launchCount, 1);
});

test("a body that comes in parts is read once, and is there for the program that turns out to wait for calls", async () => {
  const { clock, sandbox } = await pool({ way: "frames", settings: { call: "auto" } });
  const upload = countedCall(1, { method: "POST", isBodyWhole: false });
  sandbox.invoke(upload.call);
  await clock.pass(START_MS + 20);
  assert.deepEqual(upload.ends, ["answered"]);
});

test("one-shot programs run as many at a time as instances would take calls", async () => {
  const { clock, call, machine } = await pool({ way: "stdio", settings: { instanceMax: 2, concurrency: 2 }, calls: [{ afterMs: 50 }] });
  const calls = Array.from({ length: 6 }, () => call());
  await clock.pass(40);
  assert.equal(machine.living.size, 4);
  await clock.pass(200);
  assert.ok(calls.every(({ ends }) => ends[0] === "answered"));
});

test("a one-shot program that is given up gets SIGTERM, then SIGKILL, and keeps its place until it is gone", async () => {
  const { clock, call, machine } = await pool({
    way: "stdio",
    settings: { instanceMax: 1, stopTimeoutMs: 300 },
    processes: [{ ignoresTerm: true }, {}],
    calls: [{ does: "never" }, {}],
  });
  const slow = call();
  await clock.pass(TIMEOUT_MS);
  assert.deepEqual(slow.ends, ["CALL_TIMEOUT"]);
  const next = call();
  await clock.pass(250);
  assert.deepEqual([machine.living.size, next.ends], [1, []]);
  await clock.pass(100);
  assert.deepEqual(next.ends, ["answered"]);
});
