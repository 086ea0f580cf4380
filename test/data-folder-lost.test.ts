/** The data folder is deleted, emptied or replaced under a running server: what was in it is made again. */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { createFleet, eventually, type Fleet, spec } from "./support/fake-fleet.ts";

let fleet: Fleet;
afterEach(() => fleet.stop());

async function started(...args: Parameters<typeof createFleet>): Promise<void> {
  fleet = createFleet(...args);
  const outcome = await fleet.supervisor.start();
  assert.ok(outcome.ok, JSON.stringify(outcome));
}

test("a data folder with a file in its place costs the dead worker, not the server, and heals", async () => {
  await started([spec("hello")]);
  const { dataDir } = fleet;
  rmSync(dataDir, { recursive: true });
  writeFileSync(dataDir, "");
  await fleet.get("/die/SIGKILL").catch(() => {});
  const told = (): unknown => fleet.records.find((record) => /could not be started: EEXIST/.test(String(record["how"])));
  await eventually("the log says why", told);
  rmSync(dataDir);
  await eventually("it is back", () => fleet.get("/pid"));
});

test("a guest that vanished from the data folder is prepared before a worker is told to start", async () => {
  let preparations = 0;
  const snapshotFile = async (): Promise<string> => {
    preparations++;
    return "/nowhere/guest.snapshot";
  };
  const makeDeployment = async (_: unknown, version: number) => ({
    deployment: { version, functions: [spec("hello")] },
    notices: [],
    failures: [],
  });
  const build = (): never => assert.fail("nobody asks for a bundle");
  const check = async () => ({ ok: true, value: null }) as const;
  await started([], {}, { workshop: { makeDeployment, check, build, snapshotFile } });
  assert.equal(preparations, 1);
  await fleet.get("/die/SIGKILL").catch(() => {});
  await eventually("it is back", () => fleet.get("/pid"));
  assert.equal(preparations, 2);
});

test("a bundle that vanished from the data folder is built again when a worker asks", async () => {
  await started([spec("hello")]);
  await fleet.get("/build/hello");
  await fleet.get("/build/hello");
  assert.deepEqual(fleet.builds, ["hello"]);
  rmSync(join(fleet.dataDir, "bundle.js"));
  await fleet.get("/build/hello");
  assert.deepEqual(fleet.builds, ["hello", "hello"]);
});
