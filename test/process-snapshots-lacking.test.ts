/** What becomes of instances that were to be restored where CRIU, its image or the room for it is missing, old, torn, late or dead: they are started, and say why. */
import assert from "node:assert/strict";
import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { probeCriu } from "../src/engines/process/launch/criu-probe.ts";
import type { MachineFacts } from "../src/engines/process/launch/machine-facts.ts";
import { startedWith } from "../src/engines/process/launch/process-tree.ts";
import { complaint, criuFacts, fakeCriu, type RestoringOptions, restoring, WITH_CRIU, WITH_PLACE, waitingClient } from "./support/criu.ts";
import { eventually } from "./support/fake-fleet.ts";
import { facts, folder, subjectOf } from "./support/launching.ts";

/** Its first instance is ready however it came to be; why the second was not restored. */
async function whyStarted(options: RestoringOptions, file = waitingClient()): Promise<string> {
  const launched = await restoring(file, options).second();
  const ready = await launched.ready;
  assert.ok(ready.ok, ready.ok ? "" : ready.failure.message);
  assert.equal(launched.origin, "started");
  launched.kill();
  return launched.insteadBecause!;
}

const asRoot = (more: Partial<MachineFacts>): MachineFacts => ({ ...facts, isRoot: true, ...more });

test("no CRIU, or one that is too old, or that fails its own check, is told with what to do", async () => {
  const none = mkdtempSync(join(folder, "empty-"));
  // One that the machine has in a usual place is found without PATH too.
  const found = await probeCriu(none);
  if (found.file === null) {
    assert.match(
      await whyStarted({ facts: asRoot({ criu: found }) }),
      /^there is no criu in PATH; install CRIU 4.2 or newer, or take snapshot: fork$/,
    );
  }
  const { criu: old } = await fakeCriu("3.17.1");
  assert.match(await whyStarted({ facts: asRoot({ criu: old }) }), /criu is CRIU 3.17.1, too old for current kernels; install CRIU 4.2/);
  const failing = join(none, "criu");
  writeFileSync(
    failing,
    '#!/bin/sh\n[ "$1" = --version ] && echo "Version: 4.2" && exit\necho "Error (criu/c.c:1): No CAP_SYS_ADMIN." >&2\nexit 1\n',
  );
  chmodSync(failing, 0o755);
  const reason = await whyStarted({ facts: asRoot({ criu: await probeCriu(none) }) });
  assert.equal(reason, "`criu check` of CRIU 4.2 fails: No CAP_SYS_ADMIN");
  writeFileSync(failing, "#!/bin/sh\nexit 0\n");
  assert.match((await probeCriu(none)).lack!, /criu does not tell its version/);
});

test("without root, or without namespaces, it is told", async () => {
  const criu = { file: "/usr/sbin/criu", version: "4.2", lack: null };
  assert.match(await whyStarted({ facts: { ...facts, isRoot: false, criu } }), /restores processes as root, and this server is not/);
  const namespaces = { ...facts.namespaces, pid: "Operation not permitted" };
  assert.match(await whyStarted({ facts: asRoot({ criu, namespaces }) }), /needs a PID namespace of its own: Operation not permitted/);
});

test("a one-shot call is started, and so is what has to tell how it is called, whatever there is", WITH_PLACE, async () => {
  const { start } = restoring(waitingClient(), { facts: await fakeCriu("4.2") });
  assert.match((await start({ ownsStdio: true })).insteadBecause!, /its first start has to tell how it is called; with call: ring/);
  const decided = restoring(waitingClient(), { facts: await fakeCriu("4.2"), settings: { call: "frames" } });
  const launched = await decided.start({ moreEnv: { REQUEST_METHOD: "GET" } });
  assert.match(launched.insteadBecause!, /a one-shot call has its own input and environment/);
});

test("a dump that fails is told in CRIU's words, and leaves nothing", WITH_PLACE, async () => {
  const snapshotDir = mkdtempSync(join(folder, "images-"));
  const script = `[ "$1" = dump ] && ${"{"} echo half > "$5/pages-1.img"; ${complaint("Can't dump socket: it leads elsewhere.")}; ${"}"}`;
  const reason = await whyStarted({ facts: await fakeCriu("4.2", script), settings: { snapshotDir } });
  assert.equal(reason, "no image could be made: CRIU can't dump it: Can't dump socket: it leads elsewhere");
  assert.deepEqual(readdirSync(join(snapshotDir, "criu", "api%2Ftested")), []);
});

test("an image that can't be restored is dropped, and its instance started in the same breath", WITH_PLACE, async () => {
  // Its dump succeeds, with files of no use.
  const script = `[ "$1" = dump ] && exit 0\n${complaint("vdso: Unexpected rt vDSO area bounds")}`;
  const { second, start, imagesDir, told } = restoring(waitingClient(), { facts: await fakeCriu("4.2", script) });
  const launched = await second();
  const ready = await launched.ready;
  assert.ok(ready.ok);
  assert.equal(launched.insteadBecause, "CRIU can't restore it: vdso: Unexpected rt vDSO area bounds");
  assert.deepEqual(readdirSync(imagesDir), []);
  assert.equal((await start()).insteadBecause, launched.insteadBecause);
  assert.match(told.notes.at(-1)!, /Unexpected rt vDSO area bounds; it is tried again in 30s at the earliest/);
});

test("a restore that hangs is given up after ready_timeout, with all that it left", WITH_PLACE, async () => {
  const script = `[ "$1" = dump ] && exit 0\nexec sleep 600`;
  const { second } = restoring(waitingClient(), { facts: await fakeCriu("4.2", script), settings: { readyTimeoutMs: 1_500 } });
  const launched = await second();
  assert.equal(launched.origin, "started");
  assert.match(launched.insteadBecause!, /CRIU can't restore it: .*has not said READY.* within 1500ms/);
});

test("a server that is killed while it dumps leaves nothing that is taken for an image", WITH_PLACE, async (t) => {
  const dataDir = mkdtempSync(join(folder, "killed-"));
  const hanging = await fakeCriu("4.2", `[ "$1" = dump ] || exit 1\necho half > "$5/pages-1.img"; exec sleep 600`);
  const file = waitingClient();
  const subject = subjectOf(file, { settings: { snapshot: "criu" }, subject: { dataDir } });
  const child = fork(join(import.meta.dirname, "support/snapshot-child.ts"), [JSON.stringify({ subject, facts: hanging })]);
  t.after(() => child.kill("SIGKILL"));
  const images = join(dataDir, "snapshots", "criu", "api%2Ftested");
  const home = `HOME=${join(dataDir, "home", "api%2Ftested")}`;
  await eventually("the dump has begun", () =>
    entriesOf(images).some((name) => name.startsWith("making-") && entriesOf(join(images, name)).includes("pages-1.img")),
  );
  assert.ok(startedWith([home]).length >= 2);
  child.kill("SIGKILL");
  await once(child, "exit");
  await eventually("nothing of it is left", () => startedWith([home]).length === 0);
  assert.deepEqual(
    entriesOf(images).filter((name) => !name.startsWith("making-")),
    [],
  );
  const next = restoring(file, { subject: { dataDir }, facts: await fakeCriu("4.2", complaint("no")) });
  const launched = await next.start();
  assert.match(launched.insteadBecause!, /its image is made when an instance has been started/);
  await next.launcher.settled();
  assert.deepEqual(entriesOf(images), []);
});

test("no room for an image is told with the place, and leaves room again", { skip: WITH_CRIU.skip }, async (t) => {
  const snapshotDir = join(mkdtempSync(join(folder, "full-")), "shm");
  mkdirSync(snapshotDir, 0o700);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", snapshotDir]);
  t.after(() => execFileSync("umount", [snapshotDir]));
  const reason = await whyStarted({ facts: criuFacts, settings: { snapshotDir } });
  assert.match(reason, /^no image could be made: there is no room left in \S+; free some, or set snapshot_dir \(CRIU can't dump it: /);
  assert.deepEqual(readdirSync(join(snapshotDir, "criu", "api%2Ftested")), []);
});

test("a folder of images that others could write is not used", WITH_PLACE, async () => {
  const snapshotDir = mkdtempSync(join(folder, "open-"));
  chmodSync(snapshotDir, 0o777);
  const reason = await whyStarted({ facts: await fakeCriu("4.2"), settings: { snapshotDir } });
  assert.match(reason, /can be written by others, who could put anything in there; chmod go-w/);
});

function entriesOf(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
