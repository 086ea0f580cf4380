/** Launching with fewer rights: under Node's permission model, as another user, without FFI, and in a control group where there is one. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { setprivFile } from "../src/base/setpriv.ts";
import type { ProcessSettings } from "../src/config/process-settings.ts";
import { V8_FLAGS } from "../src/engines/isolate/v8-flags.ts";
import { Cgroup, sweepCgroups } from "../src/engines/process/launch/cgroup.ts";
import { placeIn } from "../src/engines/process/launch/cgroup-home.ts";
import { countsByUserNamespace, type MachineFacts } from "../src/engines/process/launch/machine-facts.ts";
import { startTimeOf } from "../src/engines/process/launch/process-tree.ts";
import { eventually } from "./support/fake-fleet.ts";
import { facts, folder, launch, node, python, sh, subjectOf, written } from "./support/launching.ts";
import { isAlive } from "./support/processes.ts";

const LAUNCH_DIR = new URL("../src/engines/process/launch/", import.meta.url).href;

interface Report {
  readonly facts: MachineFacts;
  readonly lines: string[];
  readonly notes: string[];
  readonly told: string;
  readonly ring: boolean;
}

/** Another Node, with less than ours, launches the file, and reports. */
function reporting(file: string, dataDir: string, settings: Partial<ProcessSettings> = {}): string {
  return `
    const { PlainLauncher } = await import(${JSON.stringify(`${LAUNCH_DIR}plain-launcher.ts`)});
    const { machineFacts } = await import(${JSON.stringify(`${LAUNCH_DIR}machine-probe.ts`)});
    const facts = await machineFacts(process.pid);
    const lines = [], notes = [];
    const log = { line: (output, text) => lines.push(text), note: (text) => notes.push(text) };
    const launcher = new PlainLauncher(${JSON.stringify(subjectOf(file, { settings, subject: { dataDir } }))}, facts, log);
    const launched = await launcher.launch({ instance: 1, withRing: true, moreEnv: {}, ownsStdio: false });
    if (!launched.ok) throw new Error(launched.failure.message);
    const ring = launched.value.ring !== null;
    const { told } = await launched.value.ended;
    launcher.close();
    console.log(JSON.stringify({ facts, lines, notes, told, ring }));`;
}

async function reportOf(command: string, args: readonly string[], script: string): Promise<Report> {
  const { stdout } = await promisify(execFile)(command, [...args, "--input-type=module", "--eval", script], { timeout: 60_000 });
  return JSON.parse(stdout) as Report;
}

const LOOKING = `console.log(JSON.stringify({ options: process.env.NODE_OPTIONS ?? null, permission: process.permission === undefined ? "none" : "some" }));
require("node:fs").writeFileSync("proof", "");
console.log(process.env.HOME === process.cwd());`;

test("under the workers' permission model a function has none of their permissions", async () => {
  // Too long for a socket's path: they lie in the temporary folder then, whose name is allowed too.
  const dataDir = join(folder, `permitted-${"long".repeat(20)}`);
  mkdirSync(dataDir);
  const flags = [
    "--permission",
    "--allow-net",
    "--allow-fs-read=*",
    `--allow-fs-write=${join(dataDir, "*")}`,
    "--allow-child-process",
    "--allow-ffi",
    `--allow-fs-write=${join(tmpdir(), "pilotlight-*")}`,
    "--disable-warning=SecurityWarning",
  ];
  const report = await reportOf(process.execPath, [...V8_FLAGS, ...flags], reporting(node(LOOKING), dataDir));
  assert.deepEqual(report.lines, ['{"options":null,"permission":"none"}', "true"]);
  assert.equal(report.told, "exit code 0");
  assert.equal(report.ring, true);
  assert.ok(existsSync(join(dataDir, "home", "api%2Ftested", "proof")));
});

test("without FFI it runs on Node's own pipes and without a ring, and says so", async () => {
  const report = await reportOf(
    process.execPath,
    ["--no-experimental-ffi"],
    reporting(sh("echo out; echo err >&2; exit 4"), join(folder, "no-ffi")),
  );
  assert.notEqual(report.facts.ffiLack, null);
  assert.deepEqual(report.lines.sort(), ["err", "out"]);
  assert.deepEqual([report.told, report.ring], ["exit code 4", false]);
  assert.match(report.notes[0]!, /runs without a ring: Cannot share memory/);
  const insisting = reportOf(process.execPath, ["--no-experimental-ffi"], reporting(sh("exit"), join(folder, "no-ffi"), { call: "ring" }));
  await assert.rejects(insisting, /Cannot start api\/tested: Cannot share memory with a process: .*Call this function by frames or HTTP/);
});

test("when descriptors run out a start fails with what ran out, and works again when there are some", async () => {
  const script = `
    const { PlainLauncher } = await import(${JSON.stringify(`${LAUNCH_DIR}plain-launcher.ts`)});
    const { machineFacts } = await import(${JSON.stringify(`${LAUNCH_DIR}machine-probe.ts`)});
    const { readdirSync } = await import("node:fs");
    const facts = await machineFacts(process.pid);
    const launcher = new PlainLauncher(${JSON.stringify(subjectOf(sh("sleep 600"), { subject: { dataDir: join(folder, "few") } }))}, facts, { line() {}, note() {} });
    const order = { instance: 1, withRing: true, moreEnv: {}, ownsStdio: true };
    const running = [];
    const failures = [];
    while (failures.length < 3 && running.length < 100) {
      const launched = await launcher.launch(order);
      if (launched.ok) running.push(launched.value); else failures.push(launched.failure);
    }
    for (const one of running) one.kill();
    await Promise.all(running.map((one) => one.ended));
    const again = await launcher.launch(order);
    if (again.ok) { again.value.kill(); await again.value.ended; }
    launcher.close();
    console.log(JSON.stringify({ failures, running: running.length, again: again.ok }));`;
  const shell = ["-c", 'ulimit -n 96; exec "$@"', "sh", process.execPath, "--input-type=module", "--eval", script];
  const { stdout } = await promisify(execFile)("/bin/sh", shell, { timeout: 60_000 });
  const { failures, running, again } = JSON.parse(stdout) as {
    failures: { code: string; message: string }[];
    running: number;
    again: boolean;
  };
  assert.ok(running > 2 && running < 40, `${running} were started`);
  for (const { code, message } of failures) {
    assert.equal(code, "SPAWN_FAILED");
    assert.match(message, /no file descriptors left; raise its limit of open files/);
  }
  assert.equal(again, true);
});

const canBecomeAnother = process.geteuid?.() === 0 && setprivFile() !== null;

test("an ordinary user's functions are held by what the machine gives a user", {
  skip: !canBecomeAnother && "only root can become somebody else",
}, async (context) => {
  const home = mkdtempSync(join(tmpdir(), "pl-user-"));
  context.after(() => rmSync(home, { recursive: true, force: true }));
  chmodSync(home, 0o777);
  const file = join(home, "function");
  const forking = "count=0; while [ $count -lt 60 ]; do sleep 600 & count=$((count + 1)); done";
  writeFileSync(file, `#!/bin/sh\necho pid $$\nid -u\nulimit -n\n(${forking}) 2> /dev/null || echo refused\nexit 5\n`);
  chmodSync(file, 0o755);
  const other = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--"];
  let report: Report;
  try {
    report = await reportOf(setprivFile()!, [...other, process.execPath], reporting(file, join(home, "data"), { processMax: 20 }));
  } catch (error) {
    if (/EACCES|Permission denied|permission denied/.test(String(error)))
      return context.skip("this repository can't be read by another user");
    throw error;
  }
  assert.equal(report.facts.isRoot, false);
  assert.equal(report.told, "exit code 5");
  const [pid, user, files, forked] = report.lines;
  assert.equal(user, "65534");
  assert.equal(files, "1024");
  if (report.facts.namespaces.pid === null) {
    assert.equal(report.facts.needsUserNamespace, true);
    assert.match(pid!, /^pid [2-9]$/);
    assert.equal(forked, countsByUserNamespace(report.facts.kernel) ? "refused" : undefined);
  } else {
    console.warn(`NOT TESTED: PID namespaces of an ordinary user: ${report.facts.namespaces.pid}`);
  }
});

test("it starts within the limits of a control group", {
  skip: facts.cgroupHome === null && `no control groups: ${facts.cgroupLack}`,
}, async () => {
  const { launched } = await launch(python("blocks = []\nwhile True: blocks.append(b'x' * (1 << 20))"), {
    subject: { memoryMaxBytes: 64 * 1024 ** 2 },
  });
  assert.equal((await launched.ended).told, "SIGKILL (memory limit)");
});

/** A group without controllers ends its processes all the same: what can be tried on hybrid hosts. */
const unified = placeIn(readFileSync("/proc/self/mountinfo", "utf8"), readFileSync("/proc/self/cgroup", "utf8"));

test("a control group ends everything in it, is removed, and swept when its server was killed", {
  skip: !isUsable() && "no control groups of version 2 that we may make",
}, async () => {
  const home = { dir: unified!.ownDir, controllers: [] };
  const limits = { memoryMaxBytes: 1, processMax: 1, cpuMax: null };
  const group = Cgroup.create(home, "test", limits);
  assert.ok(group.ok);
  const { launched, told } = await launch(sh("echo up; sleep 600 & sleep 600"));
  await written(told, /^up$/);
  assert.ok(group.value.adopt(launched.pid));
  assert.ok(group.value.kill());
  assert.equal((await launched.ended).signal, "SIGKILL");
  assert.equal(await group.value.remove(), true);
  assert.ok(!existsSync(group.value.dir));

  const left = join(home.dir, `pilotlight-${process.pid}-${Number(startTimeOf(process.pid)) - 1}-left`);
  mkdirSync(left);
  const orphan = await launch(sh("echo up; sleep 600"));
  await written(orphan.told, /^up$/);
  writeFileSync(join(left, "cgroup.procs"), String(orphan.launched.pid));
  sweepCgroups(home);
  await orphan.launched.ended;
  await eventually("the group is empty", () => !isAlive(orphan.launched.pid));
  await eventually("the group was swept", () => {
    sweepCgroups(home);
    return !existsSync(left);
  });
});

function isUsable(): boolean {
  if (unified === null) return false;
  const probe = join(unified.ownDir, `pilotlight-test-${process.pid}`);
  try {
    mkdirSync(probe);
    accessSync(join(probe, "cgroup.kill"), constants.W_OK);
    return true;
  } catch {
    return false;
  } finally {
    if (existsSync(probe)) rmdirSync(probe);
  }
}
