/**
 * Probation, quarantine and isolation, with real processes and a scripted
 * worker: who is blamed for a death, and what becomes of it.
 */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { Placement } from "../src/serve/messages.ts";
import { createFleet, eventually, type Fleet, getJson, spec } from "./support/fake-fleet.ts";

let fleet: Fleet;
afterEach(() => fleet.stop());

async function started(...args: Parameters<typeof createFleet>): Promise<void> {
  fleet = createFleet(...args);
  const outcome = await fleet.supervisor.start();
  assert.ok(outcome.ok, JSON.stringify(outcome));
}

const hasRecord = (start: string): boolean => fleet.records.some((record) => String(record["message"]).startsWith(start));

/** What the shared workers were told about a function. */
async function placementOf(functionId: string): Promise<Placement | null> {
  const placements = (await fleet.get("/placements")) as Placement[];
  return placements.find((one) => one.functionId === functionId) ?? null;
}

function dedicatedSocket(functionId: string): Promise<string> {
  return eventually(`${functionId} is placed in a worker that answers`, async () => {
    const placement = await placementOf(functionId);
    if (placement?.where !== "dedicated") return null;
    await getJson({ socketPath: placement.socketPath, path: "/pid" });
    return placement.socketPath;
  });
}

/** Answers the death of the connection, not of the test. */
const dying = (request: Promise<unknown>): Promise<unknown> => request.catch(() => null);

test("the function whose turn killed a worker goes on probation; its neighbours don't", async () => {
  await started([spec("bomb"), spec("bystander")]);
  await dying(fleet.get("/die/SIGSEGV/bomb"));
  const socketPath = await dedicatedSocket("bomb");
  assert.equal(await placementOf("bystander"), null);
  assert.notEqual(await getJson({ socketPath, path: "/pid" }), await fleet.get("/pid"));
  assert.ok(hasRecord("probation"));
});

test("a function killed along with its worker by an operator is cleared and returns", async () => {
  await started([spec("slow")]);
  const slow = dying(fleet.get("/slow/600000"));
  await eventually("the call is in flight", () => (fleet.supervisor.slots[0]?.worker?.inFlight.length ?? 0) > 0);
  process.kill(fleet.supervisor.slots[0]!.worker!.pid, "SIGKILL");
  await slow;
  const socketPath = await dedicatedSocket("slow");
  await getJson({ socketPath, path: "/cleared/slow" });
  await eventually("it is shared again", async () => (await placementOf("slow")) === null);
  await eventually("its worker has left", () => fleet.supervisor.slots.length === 1);
  assert.ok(hasRecord("cleared"));
});

test("a function that kills its own worker too is quarantined until its code changes", async () => {
  await started([spec("bomb")]);
  await dying(fleet.get("/die/SIGSEGV/bomb"));
  const socketPath = await dedicatedSocket("bomb");
  await dying(getJson({ socketPath, path: "/die/SIGABRT/bomb" }));
  const placement = await eventually("quarantine", async () => {
    const now = await placementOf("bomb");
    return now?.where === "quarantine" ? now : null;
  });
  assert.match(placement.reason, /bomb ended its worker process twice \(SIGABRT\)/);
  assert.ok(hasRecord("quarantine"));
  await fleet.get("/wake/bomb");
  await fleet.supervisor.reload();
  assert.equal((await placementOf("bomb"))?.where, "quarantine");
  assert.equal(fleet.supervisor.dedicatedSlot("bomb"), null);

  const bundle = { hash: "other", codeFile: "", mapFile: "", codeCacheFile: "", methods: null, tracksAsyncContext: false };
  fleet.plan.functions = [spec("bomb", { bundle, file: "/absent" })];
  await fleet.supervisor.reload();
  await eventually("it is shared again", async () => (await placementOf("bomb")) === null);
});

test("a worker that dies idle accuses nobody", async () => {
  await started([spec("hello")]);
  const pid = await fleet.get("/pid");
  process.kill(pid as number, "SIGKILL");
  await eventually("a new worker", async () => (await fleet.get("/pid")) !== pid);
  assert.equal(await placementOf("hello"), null);
});

test("a worker that somebody stopped accuses nobody", { skip: process.platform !== "linux" }, async () => {
  await started([spec("slow"), spec("busy")]);
  const slow = dying(fleet.get("/slow/600000"));
  await fleet.get("/turn/busy");
  await eventually("the call is in flight", () => (fleet.supervisor.slots[0]?.worker?.inFlight.length ?? 0) > 0);
  process.kill(fleet.supervisor.slots[0]!.worker!.pid, "SIGSTOP");
  await slow;
  await eventually("a new worker", () => fleet.get("/pid"));
  assert.deepEqual(await fleet.get("/placements"), []);
  const death = fleet.records.find((record) => record["message"] === "worker died");
  assert.match(String(death?.["how"]), /was stopped/);
});

test("a worker that is stuck outside of any turn accuses nobody whose calls merely waited", async () => {
  await started([spec("slow")]);
  const slow = dying(fleet.get("/slow/600000"));
  await eventually("the call is in flight", () => (fleet.supervisor.slots[0]?.worker?.inFlight.length ?? 0) > 0);
  await dying(fleet.get("/hang"));
  await slow;
  await eventually("a new worker", () => fleet.get("/pid"));
  assert.equal(await placementOf("slow"), null);
});

test("a worker of isolation process starts when it is asked for, serves one function, and is started again", async () => {
  await started([spec("tenant", { isolation: { kind: "process" } }), spec("hello")]);
  const placement = await placementOf("tenant");
  assert.ok(placement?.where === "dedicated");
  assert.equal(placement.why, "isolation");
  assert.equal(fleet.supervisor.slots.length, 1);
  await fleet.get("/wake/tenant");
  const socketPath = await dedicatedSocket("tenant");
  assert.deepEqual(await getJson({ socketPath, path: "/placements" }), []);
  const pid = await getJson({ socketPath, path: "/pid" });
  await dying(getJson({ socketPath, path: "/exit/1" }));
  await eventually("its worker is back on the same socket", async () => (await getJson({ socketPath, path: "/pid" })) !== pid);
});

test("nobody wakes a worker for a function that is not placed in one", async () => {
  await started([spec("hello")]);
  await fleet.get("/wake/hello");
  await fleet.get("/wake/nobody");
  assert.equal(fleet.supervisor.slots.length, 1);
});

test("a reload reaches dedicated workers and stops those whose function is gone", async () => {
  await started([spec("tenant", { isolation: { kind: "process" } }), spec("hello")]);
  await fleet.get("/wake/tenant");
  const socketPath = await dedicatedSocket("tenant");
  await getJson({ socketPath, path: "/next/later/300" });
  await fleet.supervisor.reload();
  assert.equal(await getJson({ socketPath, path: "/version" }), 2);
  fleet.plan.functions = [spec("hello")];
  await fleet.supervisor.reload();
  await eventually("its worker has left", () => fleet.supervisor.slots.length === 1);
});
