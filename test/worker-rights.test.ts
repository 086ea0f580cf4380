/** What workers may do, by the functions that they have. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PROCESS_DEFAULTS, type SnapshotKind } from "../src/config/process-settings.ts";
import type { Deployment } from "../src/serve/function-spec.ts";
import { rightsOf } from "../src/serve/worker-rights.ts";
import { spec } from "./support/fake-fleet.ts";

test("images may be written where functions have them, and where none is made nothing may", () => {
  const withImages = (id: string, snapshot: SnapshotKind, snapshotDir: string | null) =>
    spec(id, { engine: "process", process: { ...PROCESS_DEFAULTS, snapshot, snapshotDir } });
  const functions = [
    withImages("a", "criu", "/dev/shm/images"),
    withImages("b", "node", "/dev/shm/images"),
    withImages("c", "none", "/dev/shm/aetherless"),
    withImages("d", "criu", null),
    withImages("e", "node", "/srv/images"),
    spec("f"),
  ];
  const deployment = { functions } as unknown as Deployment;
  assert.deepEqual(rightsOf(deployment, null).snapshotFolders, ["/dev/shm/images", "/srv/images"]);
  assert.deepEqual(rightsOf(deployment, "e").snapshotFolders, ["/srv/images"]);
  assert.deepEqual(rightsOf(deployment, "c").snapshotFolders, []);
  assert.ok(rightsOf(deployment, "c").startsProcesses);
});
