/** What is left, and who gets an answer, when an instance, a worker or the whole server is killed under process functions. */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { startPilotlight } from "./support/cli.ts";
import { eventually } from "./support/fake-fleet.ts";
import { facts } from "./support/launching.ts";
import { allOf, NO_PYTHON, type ProcessServer, python, pythonHandler, sh, startProcessServer } from "./support/process-server.ts";
import { isAlive } from "./support/processes.ts";
import { writeFunctions } from "./support/server.ts";

const folder = mkdtempSync(join(tmpdir(), "pilotlight-process-death-"));
const gate = join(folder, "gate");
const begun = join(folder, "begun");
/** Writes down each call that reaches it, and answers when it may. */
const GATED = pythonHandler(
  `with open(${JSON.stringify(begun)}, "a") as file: file.write(request.method + " " + request.target + "\\n")
while not os.path.exists(${JSON.stringify(gate)}): time.sleep(0.005)
return request.method + " " + os.environ["PILOTLIGHT_INSTANCE"]`,
);
/** Answers one call in frames, as long as a socket holds, and ends in the same breath. */
const PARTING = python(`import os, socket, struct
server = socket.socket(socket.AF_UNIX)
server.connect(os.environ["PILOTLIGHT_SOCKET"])
server.sendall(b"READY frames/1 1\\n")
asked = server.recv(65536)
call, = struct.unpack_from("<I", asked, 8)
body = b"x" * 150000
server.sendall(struct.pack("<IBBHIII", 16 + len(body), 3, 1, 200, call, 0, len(body)) + body)
os._exit(0)`);
/** Leaves something behind that has detached itself. */
const LITTERING = pythonHandler('return "here"', "", 'import subprocess\nsubprocess.Popen(["sleep", "600"], start_new_session=True)');
const WHAT_HOLDS = facts.namespaces.pid === null ? NO_PYTHON : `NOT TESTED: no PID namespace (${facts.namespaces.pid})`;

let server: ProcessServer;
const children: ChildProcess[] = [];

before(async () => {
  server = await startProcessServer(
    { "gated.py": GATED, "littering.py": LITTERING, "slow.sh": sh("sleep 600; echo too late"), "parting.py": PARTING },
    {
      functions: {
        gated: { process: { call: "ring", concurrency: 1 } },
        littering: { process: { min: 1 } },
        parting: { isolation: "request", process: { call: "frames" } },
      },
    },
  );
});
after(async () => {
  for (const child of children) child.kill("SIGKILL");
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

function begunCalls(): string[] {
  return existsSync(begun) ? readFileSync(begun, "utf8").trim().split("\n") : [];
}

/** Killed in the middle of the call; what becomes of it then. */
async function killedUnder(method: string): Promise<Response> {
  rmSync(gate, { force: true });
  rmSync(begun, { force: true });
  const answer = server.get("/gated?once", { method });
  await eventually("the call is with an instance", () => begunCalls().length === 1);
  const programs = server.programsOf("gated");
  for (const pid of programs) process.kill(pid, "SIGKILL");
  await eventually("it is gone", () => !programs.some(isAlive));
  writeFileSync(gate, "");
  return answer;
}

test("a GET whose instance is killed is given to another, and answered once", { skip: NO_PYTHON }, async () => {
  const answer = await killedUnder("GET");
  assert.deepEqual([answer.status, (await answer.text()).slice(0, 4)], [200, "GET "]);
  assert.deepEqual(begunCalls(), ["GET /gated?once", "GET /gated?once"]);
  const { resentCalls, restarts } = (await server.statsOf("gated"))!.process!;
  assert.deepEqual([resentCalls, restarts], [1, 1]);
});

test("a POST whose instance is killed is not: it is told, and the next is served", { skip: NO_PYTHON }, async () => {
  const answer = await killedUnder("POST");
  assert.deepEqual([answer.status, answer.headers.get("retry-after")], [503, "1"]);
  assert.match(await answer.text(), /SANDBOX_LOST/);
  assert.deepEqual(begunCalls(), ["POST /gated?once"]);
  assert.equal((await server.get("/gated", { method: "POST" })).status, 200);
});

test("an answer is whole though its program has ended right behind it", { skip: NO_PYTHON }, async () => {
  for (let call = 0; call < 5; call++) {
    const answer = await server.get("/parting", { method: "POST" });
    assert.deepEqual([answer.status, (await answer.arrayBuffer()).byteLength], [200, 150_000]);
  }
});

test("a killed worker takes its processes along, and another serves", { skip: WHAT_HOLDS }, async () => {
  await server.get("/littering");
  const slow = server.get("/slow").then(
    () => "answered",
    () => "broken off",
  );
  await eventually("the slow one runs", () => server.programsOf("slow").length > 0);
  const left = allOf(join(server.folder, ".pilotlight"));
  const worker = await server.workerOf("littering", false);
  process.kill(worker!, "SIGKILL");
  assert.equal(await slow, "broken off");
  await eventually("all of its processes are gone", () => !left.some(isAlive));
  await eventually("another serves", async () => (await server.get("/littering")).status === 200);
  assert.ok(left.length >= 4);
});

test("a killed server leaves no process behind", { skip: WHAT_HOLDS }, async () => {
  const functions = join(folder, "functions");
  const dataDir = join(folder, "data");
  mkdirSync(functions);
  writeFunctions(functions, { "littering.py": LITTERING, "slow.sh": sh("sleep 600") });
  const args = ["serve", functions, "-p", "0", "-w", "2", "--json", "--admin", "off", "--data-dir", dataDir];
  const child = startPilotlight(args, { cwd: folder });
  children.push(child);
  child.stderr!.resume();
  const [line] = (await once(createInterface({ input: child.stdout! }), "line")) as [string];
  const { url } = (JSON.parse(line) as { listening: { url: string } }).listening;
  for (let call = 0; call < 4; call++) assert.equal((await fetch(`${url}/littering`)).status, 200);
  fetch(`${url}/slow`).catch(() => {});
  await eventually("the slow one runs, too", () => allOf(dataDir).length >= 8);
  const left = allOf(dataDir);
  child.kill("SIGKILL");
  await eventually("nothing is left", () => !left.some(isAlive) && allOf(dataDir).length === 0);
});
