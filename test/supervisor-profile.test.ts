/**
 * Profiles, with real processes and a scripted worker: the profiler is a worker
 * like the others, watched while it runs and gone when the server is.
 */
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { Placement } from "../src/serve/messages.ts";
import type { ProfileRequest } from "../src/serve/profilers.ts";
import { createFleet, eventually, type Fleet, getJson, spec } from "./support/fake-fleet.ts";

let fleet: Fleet;
beforeEach(async () => {
  fleet = createFleet([spec("hello")]);
  const outcome = await fleet.supervisor.start();
  assert.ok(outcome.ok, JSON.stringify(outcome));
});
afterEach(() => fleet.stop());

const request = (durationMs: number): ProfileRequest => ({ functionId: "hello", kind: "cpu", durationMs });

/** Where the function's calls go while it is profiled. */
function profilerSocket(): Promise<string> {
  return eventually("its calls go to the profiler", async () => {
    const placements = (await fleet.get("/placements")) as Placement[];
    const placement = placements.find((one) => one.functionId === "hello");
    return placement?.where === "dedicated" && placement.why === "profile" ? placement.socketPath : null;
  });
}

test("while a function is profiled its calls go elsewhere, and afterwards they come back", async () => {
  const profile = fleet.supervisor.profile(request(300));
  const socketPath = await profilerSocket();
  assert.notEqual(await getJson({ socketPath, path: "/pid" }), await fleet.get("/pid"));
  assert.deepEqual(await profile, { ok: true, value: '{"kind":"cpu"}' });
  assert.deepEqual(await fleet.get("/placements"), []);
  await eventually("its worker has left", () => fleet.supervisor.slots.length === 1);
});

test("a reload reaches the worker that profiles, too", async () => {
  const profile = fleet.supervisor.profile(request(600_000));
  const socketPath = await profilerSocket();
  await getJson({ socketPath, path: "/next/later/300" });
  assert.ok((await fleet.supervisor.reload()).ok);
  assert.equal(await getJson({ socketPath, path: "/version" }), 2);
  await fleet.stop();
  assert.ok(!(await profile).ok);
});

test("of two profiles of one function asked for at once the second is refused", async () => {
  const outcomes = await Promise.all([fleet.supervisor.profile(request(50)), fleet.supervisor.profile(request(50))]);
  assert.deepEqual(
    outcomes.map((one) => (one.ok ? "made" : one.failure.message)),
    ["made", "Cannot profile hello: it is being profiled already"],
  );
  assert.ok((await fleet.supervisor.profile(request(50))).ok);
});

test("a stop takes the profiler along", async () => {
  const profile = fleet.supervisor.profile(request(600_000));
  const pid = (await getJson({ socketPath: await profilerSocket(), path: "/pid" })) as number;
  await fleet.supervisor.stop();
  assert.throws(() => process.kill(pid, 0), /ESRCH/);
  const outcome = await profile;
  assert.ok(!outcome.ok);
  assert.match(outcome.failure.message, /its worker ended/);
  assert.ok(!(await fleet.supervisor.profile(request(50))).ok);
});

test("a profiler whose loop stands still is killed, and whoever waits for the profile is told", async () => {
  const profile = fleet.supervisor.profile(request(600_000));
  getJson({ socketPath: await profilerSocket(), path: "/hang/hello" }).catch(() => {});
  const outcome = await profile;
  assert.ok(!outcome.ok);
  assert.match(outcome.failure.message, /its worker ended/);
  assert.deepEqual(await fleet.get("/placements"), []);
});
