/** Process functions as their operator and their developer meet them: reloads, jobs, error pages, settings, the live table. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pilotlight, startPilotlight } from "./support/cli.ts";
import { eventually } from "./support/fake-fleet.ts";
import { NO_PYTHON, type ProcessServer, pythonHandler, sh, startProcessServer } from "./support/process-server.ts";
import { startServer, writeFunctions } from "./support/server.ts";

const folder = mkdtempSync(join(tmpdir(), "pilotlight-process-operator-"));
const versioned = (version: number): string => pythonHandler(`time.sleep(0.01)\nreturn "${version}"`);
let server: ProcessServer;

before(async () => {
  server = await startProcessServer(
    {
      "versioned.py": versioned(1),
      "report.py": pythonHandler('return (201, {"x-attempt": request.headers["x-pilotlight-attempt"]}, {"made of": request.text()})'),
      "upper.sh": sh("tr a-z A-Z"),
      "alone.ts": `export default () => new Response("alone")`,
    },
    { workers: 2, functions: { versioned: { process: { max: 2, stopTimeout: "2s" } }, alone: { isolation: "process" } } },
  );
});
after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("reloads under load fail no request, and the old program leaves", { skip: NO_PYTHON }, async () => {
  const seen = new Set<string>();
  let isOver = false;
  const client = async (): Promise<void> => {
    while (!isOver) {
      const answer = await server.get("/versioned", { method: "POST", body: "x" });
      const text = await answer.text();
      assert.equal(answer.status, 200, text);
      seen.add(text);
    }
  };
  const clients = Array.from({ length: 6 }, client);
  const told = Promise.all(clients);
  await Promise.race([told, eventually("version 1 answers", () => seen.has("1"))]);
  for (const version of [2, 3, 4]) {
    // In one step, as whoever deploys does: a half-written program is one that fails.
    writeFunctions(server.folder, { [`_${version}.py`]: versioned(version) });
    renameSync(join(server.folder, `_${version}.py`), join(server.folder, "versioned.py"));
    await server.reload();
    await Promise.race([told, eventually(`version ${version} answers`, () => seen.has(String(version)))]);
  }
  isOver = true;
  await told;
  assert.deepEqual([...seen].sort(), ["1", "2", "3", "4"]);
  await eventually("the others have left", () => server.programsOf("versioned").length <= 4);
  const { restarts, resentCalls } = (await server.statsOf("versioned"))!.process!;
  assert.deepEqual([restarts, resentCalls], [0, 0]);
});

test("they run as jobs like any other function", { skip: NO_PYTHON }, async () => {
  for (const [path, wanted] of [
    ["/report", '201 {"made of":"ink"} 1'],
    ["/upper", "200 INK null"],
  ] as const) {
    const queued = await server.get(path, { method: "POST", body: "ink", headers: { "x-gojinn-async": "true" } });
    assert.equal(queued.status, 202);
    const url = queued.headers.get("location")!;
    const answer = await eventually(`${path} has its result`, async () => {
      const one = await server.get(url);
      return one.status === 202 ? null : one;
    });
    assert.equal(`${answer.status} ${(await answer.text()).replace(/": "/, '":"')} ${answer.headers.get("x-attempt")}`, wanted);
  }
});

test("a worker of a JavaScript function alone has no right to start processes, though executables lie beside it", async () => {
  assert.equal(await (await server.get("/alone")).text(), "alone");
  const dedicated = await eventually("it has a worker of its own", () => server.workerOf("alone", true));
  const shared = await server.workerOf("alone", false);
  const flagsOf = (pid: number): string => readFileSync(`/proc/${pid}/cmdline`, "latin1");
  assert.match(flagsOf(shared!), /--allow-child-process\0--allow-ffi/);
  assert.match(flagsOf(dedicated), /--permission/);
  assert.doesNotMatch(flagsOf(dedicated), /--allow-child-process|--allow-ffi/);
});

test("the first executable of a project is served after a reload, by workers that may start it", async () => {
  const plain = await startServer({ "one.ts": `export default () => new Response("one")` }, { workers: 2 });
  try {
    assert.equal(await (await plain.get("/one")).text(), "one");
    const before = await plain.workerOf("one", false);
    assert.doesNotMatch(readFileSync(`/proc/${before}/cmdline`, "latin1"), /--allow-child-process/);
    writeFunctions(plain.folder, { "two.sh": sh("echo two") });
    await plain.reload();
    assert.equal(await (await plain.get("/two")).text(), "two\n");
    assert.equal(await (await plain.get("/one")).text(), "one");
  } finally {
    await plain.stop();
  }
});

test("a build holds the executable, and serves it with its settings", async () => {
  const project = join(folder, "built");
  writeFunctions(project, {
    "functions/greet.sh": sh('printf "%s\n\n" "status: 201"; echo "$WORD"'),
    "pilotlight.yaml": "functions:\n  greet:\n    contract: cgi\n    env: { WORD: built }\n    process: { call: stdio }\n",
  });
  const { status, stderr } = await pilotlight(["build", "."], { cwd: project });
  assert.equal(status, 0, stderr);
  rmSync(join(project, "functions"), { recursive: true });
  const built = await startServer({}, { path: join(project, "dist") });
  try {
    const answer = await built.get("/greet");
    assert.deepEqual([answer.status, await answer.text()], [201, "built\n"]);
  } finally {
    await built.stop();
  }
});

test("dev shows why a program can't be started: what it wrote, and what to do", async () => {
  const dev = await startServer(
    {
      words: `#!${process.execPath}\nimport { serve } from "pilotlight/process";\nserve(() => "never");\n`,
      "missing.rb": "#!/usr/bin/env no-such-ruby\nputs 1\n",
      "silent.sh": sh("exec sleep 600"),
    },
    { mode: "dev", functions: { silent: { process: { call: "ring", readyTimeout: "200ms" } } } },
  );
  try {
    const pageOf = async (path: string): Promise<string> => {
      const answer = await dev.get(path, { headers: { accept: "text/html" } });
      assert.deepEqual([answer.status, answer.headers.get("pilotlight-error")], [500, "LOAD_FAILED"]);
      return answer.text();
    };
    const words = await pageOf("/words");
    assert.match(words, /Cannot find package &#39;pilotlight&#39;/);
    assert.match(words, /copy guest\/process\/pilotlight\.mjs beside the file/);
    assert.match(await pageOf("/missing"), /wants no-such-ruby, and there is none in PATH/);
    assert.match(await pageOf("/silent"), /has not said READY within 200ms.*raise ready_timeout/s);
  } finally {
    await dev.stop();
  }
});

test("what is wrong with settings of processes ends serve with 2 and names the key", async () => {
  writeFunctions(folder, { "functions/echo.sh": sh("cat") });
  for (const [yaml, wanted] of [
    ["max: 0", /functions\.echo\.process\.max 0 is not/],
    [
      "call: carrier-pigeon",
      /functions\.echo\.process\.call "carrier-pigeon" is not a way to call it: use auto, ring, frames, http or stdio/,
    ],
    ["ring: 1000", /functions\.echo\.process\.ring 1000 is not a size of a ring/],
    ["instances: 3", /functions\.echo\.process\.instances/],
    ["idle_timeout: 0", /functions\.echo\.process\.idle_timeout/],
    ["namespaces: [moon]", /functions\.echo\.process\.namespaces/],
  ] as const) {
    writeFileSync(join(folder, "pilotlight.yaml"), `functions:\n  echo:\n    process:\n      ${yaml}\n`);
    const { status, stderr } = await pilotlight(["serve", ".", "-p", "0", "--admin", "off"], { cwd: folder });
    assert.deepEqual([status, wanted.test(stderr)], [2, true], stderr);
    assert.match(stderr, /pilotlight\.yaml:4/);
  }
});

test("a setting of another engine is the failure of its function alone, and validate says so", async () => {
  writeFileSync(join(folder, "pilotlight.yaml"), "functions:\n  echo:\n    allow: { kv: [orders] }\n");
  const { status, stdout, stderr } = await pilotlight(["validate", "."], { cwd: folder });
  assert.equal(status, 1, stdout + stderr);
  assert.match(stdout + stderr, /its allow\.kv is a setting of JavaScript and WebAssembly alone/);
});

test("stats --watch looks again and again: instances, states, calls a second", { skip: NO_PYTHON }, async () => {
  await server.get("/versioned");
  const child = startPilotlight(["stats", "--watch", "--every", "100ms", "--admin", new URL(server.adminUrl).host], { cwd: folder });
  let shown = "";
  const looks = (): number => shown.split("PROCESS FUNCTION").length - 1;
  const exited = once(child, "exit");
  child.stdout!.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
    if (looks() >= 2) child.kill("SIGINT");
  });
  const [code] = (await exited) as [number | null];
  assert.equal(code, 0);
  assert.match(shown, /CALLS\/S/);
  assert.match(shown, /^versioned +ring .*Running/m);
});
