/** What is left of functions when their server is killed: nothing, where the machine allows it. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import type { MachineFacts } from "../src/engines/process/launch/machine-facts.ts";
import { makeRunFolder } from "../src/engines/process/launch/run-folder.ts";
import { eventually } from "./support/fake-fleet.ts";
import { bareFacts, facts, folder, python, subjectOf } from "./support/launching.ts";
import { isAlive } from "./support/processes.ts";

const LAUNCH_DIR = new URL("../src/engines/process/launch/", import.meta.url).href;

let server: ChildProcess | null = null;
after(() => server?.kill("SIGKILL"));

/** A program, a child of it, and one that detached itself; it tells all three by the environment that they share. */
const DETACHING = `import os, socket, subprocess, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: time.sleep(600)
    os._exit(0)
os.wait()
subprocess.Popen(["sleep", "600"])
connection = socket.socket(socket.AF_UNIX)
connection.connect(os.environ["PILOTLIGHT_SOCKET"])
connection.sendall(b"READY frames/1 1\\n")
time.sleep(600)`;

/** Another process launches it and is killed in the middle of a loop that never turns; who shared its function's socket then. */
async function afterDeath(machine: MachineFacts): Promise<{ program: number; others: number[] }> {
  const script = `
    const { PlainLauncher } = await import(${JSON.stringify(`${LAUNCH_DIR}plain-launcher.ts`)});
    const { startedWith } = await import(${JSON.stringify(`${LAUNCH_DIR}process-tree.ts`)});
    const { readFileSync } = await import("node:fs");
    const launcher = new PlainLauncher(${JSON.stringify(subjectOf(python(DETACHING)))}, ${JSON.stringify(machine)}, { line: console.error, note: console.error });
    const launched = await launcher.launch({ instance: 1, withRing: false, moreEnv: {}, ownsStdio: false });
    const ready = await launched.value.ready;
    const { pid } = launched.value;
    const mark = readFileSync("/proc/" + pid + "/environ", "latin1").split("\\0").find((entry) => entry.startsWith("PILOTLIGHT_SOCKET="));
    console.log(JSON.stringify({ ok: ready.ok, program: pid, all: startedWith([mark]) }));
    setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 0);`;
  server = spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface({ input: server.stdout! }), "line")) as [string];
  const { ok, program, all } = JSON.parse(line) as { ok: boolean; program: number; all: number[] };
  assert.ok(ok && isAlive(program) && all.length >= 3);
  const gone = once(server, "exit");
  server.kill("SIGKILL");
  await gone;
  return { program, others: all.filter((pid) => pid !== program) };
}

const lacksNamespace = facts.namespaces.pid ?? (facts.setprivFile === null ? "there is no setpriv" : null);

test("nothing of a function outlives its killed server in a PID namespace", { skip: lacksNamespace ?? false }, async () => {
  const { program, others } = await afterDeath(facts);
  await eventually("all of it has ended", () => ![program, ...others].some(isAlive));
});

test("without namespaces the function itself ends with its server", {
  skip: facts.setprivFile === null && "there is no setpriv",
}, async () => {
  const { program, others } = await afterDeath(bareFacts);
  await eventually("the program has ended", () => !isAlive(program));
  for (const pid of others) if (isAlive(pid)) process.kill(pid, "SIGKILL");
});

test("sockets of a killed server are swept away by the next", async () => {
  const runDir = join(folder, "data", "run");
  assert.ok(readdirSync(runDir).length > 0);
  const next = makeRunFolder(join(folder, "data"));
  assert.ok(next.ok);
  assert.deepEqual(
    readdirSync(runDir).map((name) => join(runDir, name)),
    [next.value.path],
  );
  next.value.close();
});
