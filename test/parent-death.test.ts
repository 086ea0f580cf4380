/** A worker must not outlive its supervisor, whatever it is stuck in. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, test } from "node:test";
import { setprivFile } from "../src/base/setpriv.ts";
import { untilParentDies } from "../src/serve/parent-death.ts";
import { eventually } from "./support/fake-fleet.ts";
import { isRunning } from "./support/processes.ts";

const WORKER_PROCESS = new URL("../src/serve/worker-process.ts", import.meta.url).href;
const BLOCKED = "process.send({}); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);";

const folder = mkdtempSync(join(tmpdir(), "parent-death-"));
let supervisor: ChildProcess | null = null;
let workerPid = 0;

afterEach(() => {
  supervisor?.kill("SIGKILL");
  if (workerPid !== 0 && isRunning(workerPid)) process.kill(workerPid, "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

test("a worker whose loop stands still ends with its killed supervisor", { skip: setprivFile() === null }, async () => {
  const entryFile = join(folder, "blocked.js");
  writeFileSync(entryFile, BLOCKED);
  const script = `
    const { WorkerProcess } = await import(${JSON.stringify(WORKER_PROCESS)});
    const worker = new WorkerProcess({ entryFile: ${JSON.stringify(entryFile)}, dataDir: ${JSON.stringify(folder)} });
    worker.onMessage = () => console.log(worker.pid);`;
  supervisor = spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface({ input: supervisor.stdout! }), "line")) as [string];
  workerPid = Number(line);
  assert.ok(isRunning(workerPid));
  supervisor.kill("SIGKILL");
  await eventually("the worker has ended", () => !isRunning(workerPid));
});

test("without setpriv a worker is started as any Node is", () => {
  assert.deepEqual(untilParentDies("/bin/node", ["--flag"], null), { execPath: "/bin/node", execArgv: ["--flag"] });
  assert.deepEqual(untilParentDies("/bin/node", ["--flag"], "/bin/setpriv"), {
    execPath: "/bin/setpriv",
    execArgv: ["--pdeathsig", "KILL", "--", "/bin/node", "--flag"],
  });
});
