import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Cgroup } from "./cgroup.ts";
import { homeAt, placeIn } from "./cgroup-home.ts";

const UNIFIED = "36 25 0:32 / /sys/fs/cgroup rw,nosuid shared:10 - cgroup2 cgroup2 rw,nsdelegate\n";
const HYBRID =
  "30 25 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n40 25 0:33 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw\n";

const SEARCH = { serverPid: process.pid, mayMove: true };

const root = mkdtempSync(join(tmpdir(), "pl-cgroup-"));
after(() => rmSync(root, { recursive: true, force: true }));

/** A folder that looks like a control group: the kernel's part of it is not played. */
function group(path: string, { controllers = "", enabled = "", pids = "", isTop = false } = {}): string {
  const dir = join(root, path);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "cgroup.controllers"), `${controllers}\n`);
  writeFileSync(join(dir, "cgroup.subtree_control"), `${enabled}\n`);
  writeFileSync(join(dir, "cgroup.procs"), pids);
  if (!isTop) writeFileSync(join(dir, "cgroup.type"), "domain\n");
  return dir;
}

test("our own group is found below its mount, whatever part of the tree is mounted", () => {
  assert.deepEqual(placeIn(UNIFIED, "0::/system.slice/pilotlight.service\n"), {
    mountDir: "/sys/fs/cgroup",
    ownDir: "/sys/fs/cgroup/system.slice/pilotlight.service",
  });
  assert.equal(placeIn(HYBRID, "4:memory:/x\n0::/\n")?.ownDir, "/sys/fs/cgroup/unified");
  assert.equal(placeIn(UNIFIED.replace(" / /sys", " /docker/abc /sys"), "0::/docker/abc/inner\n")?.ownDir, "/sys/fs/cgroup/inner");
  assert.equal(placeIn(UNIFIED.replace(" / /sys", " /docker/abc /sys"), "0::/elsewhere\n")?.ownDir, "/sys/fs/cgroup");
  assert.equal(placeIn(HYBRID, "4:memory:/x\n"), null);
  assert.equal(placeIn("", "0::/\n"), null);
});

test("a hierarchy without controllers is no home, and says that version 1 has them", () => {
  const ownDir = group("hybrid", { isTop: true });
  const found = homeAt({ mountDir: ownDir, ownDir }, SEARCH);
  assert.equal(found.home, null);
  assert.match(found.lack!, /no controllers here/);
});

test("in a user's session a sibling is made where the group above gives controllers on", () => {
  group("user/app", { controllers: "cpu memory pids", enabled: "memory pids" });
  const ownDir = group("user/app/terminal", { controllers: "memory pids", pids: "1\n" });
  const found = homeAt({ mountDir: join(root, "user"), ownDir }, SEARCH);
  assert.deepEqual(found.home, { dir: join(root, "user/app"), controllers: ["memory", "pids"] });
  assert.match(found.lack!, /no controller for cpu/);
});

test("a group that others share is left alone, and where nothing can be had that is said", () => {
  const ownDir = group("shared", { controllers: "cpu memory pids", pids: "1\n" });
  const found = homeAt({ mountDir: ownDir, ownDir }, SEARCH);
  assert.equal(found.home, null);
  assert.match(found.lack!, /no control group may be made in .*shared/);
  assert.ok(!readdirSync(ownDir).includes("pilotlight-server"));
});

test("a group that is ours alone is stepped down in, and gives its controllers on", () => {
  const ownDir = group("unit/pilotlight.service/pilotlight-server", { controllers: "cpu memory pids" });
  const above = group("unit/pilotlight.service", { controllers: "cpu memory pids", enabled: "cpu memory pids" });
  assert.deepEqual(homeAt({ mountDir: root, ownDir }, SEARCH), {
    home: { dir: above, controllers: ["memory", "pids", "cpu"] },
    lack: null,
  });
});

test("a look that may move nothing says what could be had", () => {
  const ownDir = group("looked", { controllers: "memory pids", pids: `${process.pid}\n` });
  const found = homeAt({ mountDir: ownDir, ownDir }, { ...SEARCH, mayMove: false });
  assert.deepEqual(found.home, { dir: ownDir, controllers: ["memory", "pids"] });
  assert.deepEqual([readFileSync(join(ownDir, "cgroup.subtree_control"), "utf8"), readdirSync(ownDir).length], ["\n", 4]);
});

test("a group's limits are written as the kernel reads them", () => {
  const dir = group("limits", { isTop: true });
  const made = Cgroup.create({ dir, controllers: ["memory", "pids", "cpu"] }, "one", {
    memoryMaxBytes: 268_435_456,
    processMax: 64,
    cpuMax: 0.5,
  });
  assert.ok(made.ok);
  const written = (file: string) => readFileSync(join(made.value.dir, file), "utf8");
  assert.deepEqual(["memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.max"].map(written), [
    "268435456",
    "0",
    "1",
    "65",
    "50000 100000",
  ]);
  writeFileSync(join(made.value.dir, "memory.events"), "low 0\nhigh 0\nmax 12\noom 1\noom_kill 2\n");
  writeFileSync(join(made.value.dir, "memory.current"), "4096\n");
  assert.deepEqual([made.value.oomKillCount(), made.value.memoryBytes()], [2, 4_096]);
  const missing = Cgroup.create({ dir: join(dir, "absent"), controllers: [] }, "one", { memoryMaxBytes: 1, processMax: 1, cpuMax: null });
  assert.ok(!missing.ok && /control group can't be made/.test(missing.failure));
});
