/**
 * The examples of process functions, each called in its way: by messages, by
 * HTTP, once per call. That the server calls them so is the engine's tests'
 * business; these keep the examples themselves from rotting.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { crc32 } from "node:zlib";
import { MIB } from "../src/base/units.ts";
import { pythonClient } from "./support/process-clients.ts";
import { type ProcessPeer, startPeer } from "./support/process-peer.ts";
import { unusedPort } from "./support/unused-port.ts";

const ROOT = join(import.meta.dirname, "..");
const EXAMPLES = join(ROOT, "examples/processes");
const RING = { capacityBytes: MIB, hasCrc: true };
const NO_PYTHON = "NOT TESTED: this machine has no python3";

async function started(t: TestContext, command: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<ProcessPeer> {
  const peer = await startPeer({ command, env, ring: RING });
  t.after(() => peer.end());
  assert.match(peer.ready, /^READY ring/);
  return peer;
}

test("visits.py counts visits", async (t) => {
  const python = pythonClient(join(EXAMPLES, "visits.py"));
  if (python === null) return t.skip(NO_PYTHON);
  const peer = await started(t, python.command, python.env);
  const body = Buffer.from('{"name":"Ada"}');
  assert.equal((await peer.ask("/", { method: "POST", body })).status, 201);
  assert.deepEqual(JSON.parse(`${(await peer.ask("/?name=Ada")).body}`), { name: "Ada", visits: 1 });
  assert.equal((await peer.ask("/?name=Nobody")).status, 404);
});

test("words counts words and streams them", async (t) => {
  const peer = await started(t, [process.execPath, join(EXAMPLES, "words")]);
  const body = Buffer.from("one two three");
  assert.deepEqual(JSON.parse(`${(await peer.ask("/", { body })).body}`), { count: 3, longest: "three" });
  const streamed = await peer.ask("/?slowly", { body });
  assert.equal(`${streamed.body}`, "one\ntwo\nthree\n");
  assert.ok(streamed.messageCount > 2);
});

test("checksum.c is built by the line it names, and answers", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "pilotlight-checksum-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, "checksum");
  const flags = ["-O2", "-I", "guest/process", "-o", program, "examples/processes/checksum.c"];
  const built = spawnSync("cc", flags, { cwd: ROOT, encoding: "utf8" });
  if (built.error !== undefined) return t.skip("NOT TESTED: this machine has no C compiler");
  assert.equal(built.status, 0, built.stderr);
  const peer = await started(t, [program]);
  const body = Buffer.from("123456789");
  assert.equal(`${(await peer.ask("/", { method: "POST", body })).body}`, `${crc32(body).toString(16)}\n`);
  assert.equal((await peer.ask("/")).status, 405);
});

test("clock.py tells the time by HTTP", async (t) => {
  const python = pythonClient(join(EXAMPLES, "clock.py"));
  if (python === null) return t.skip(NO_PYTHON);
  const port = await unusedPort();
  const child = spawn(python.command[0]!, python.command.slice(1), { env: { PORT: `${port}` }, stdio: "ignore" });
  t.after(() => child.kill("SIGKILL"));
  const time = await untilAnswered(`http://127.0.0.1:${port}/`, () => child.exitCode === null);
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n$/);
});

test("shout.sh shouts once", () => {
  const { stdout } = spawnSync(join(EXAMPLES, "shout.sh"), {
    env: { ...process.env, REQUEST_METHOD: "POST" },
    input: "hello",
    encoding: "utf8",
  });
  assert.equal(stdout, "content-type: text/plain\r\n\r\nHELLO (POST)\n");
});

/** A port that is not listened on yet tells nobody when it is. */
async function untilAnswered(url: string, isAlive: () => boolean): Promise<string> {
  for (;;) {
    try {
      return await (await fetch(url)).text();
    } catch (error) {
      if (!isAlive()) throw error;
    }
  }
}
