/**
 * Folders of WebAssembly functions: what a request has opened is closed when it
 * is over, however it ended; ten thousand files are refused, not the server's
 * end; nothing outside of the folder can be reached.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, type TestContext, test } from "node:test";
import type { Engine, Sandbox } from "../src/engines/engine.ts";
import { type FakeAnswer, fakeCall } from "./support/fake-exchange.ts";
import { eventually } from "./support/fake-fleet.ts";
import { fileOf, type Guest, guest, skipReason } from "./support/guests.ts";
import { type ModuleLimits, makeWasmEngine, moduleSource } from "./support/wasm-subject.ts";

const [state, many, waits, outside, closes] = await Promise.all(
  ["state", "attacks/open-many", "attacks/open-and-wait", "attacks/write-outside", "attacks/closes-stdio"].map((name) => guest("c", name)),
);
const REQUESTS = 20;
/** More than a sandbox lets be open at once, all requests together. */
const OPENED_EACH = 150;
/** Long enough to be given up before. */
const GIVEN_UP_AFTER_MS = 3_000;

const outer = mkdtempSync(join(tmpdir(), "pilotlight-folders-"));
const hostPath = join(outer, "shared");
after(() => rmSync(outer, { recursive: true, force: true }));

describe("folders", { skip: skipReason(state!) }, () => {
  let engine: Engine;
  before(async () => {
    engine = await makeWasmEngine();
  });
  after(() => engine.close());
  beforeEach(() => {
    rmSync(hostPath, { recursive: true, force: true });
    mkdirSync(hostPath);
  });

  async function open(t: TestContext, module: Guest, limits: ModuleLimits = {}): Promise<Sandbox> {
    const folders = [{ hostPath, guestName: "/", isWritable: true }];
    const template = await engine.prepare(await moduleSource(fileOf(module), { contract: "command", folders, ...limits }));
    const sandbox = await template.open();
    t.after(() => sandbox.close());
    return sandbox;
  }
  function ask(sandbox: Sandbox, body = ""): Promise<FakeAnswer> {
    const { call, answer } = fakeCall({ body });
    sandbox.invoke(call);
    return answer;
  }

  test("a file that requests leave open stays, and is closed after each", async (t) => {
    const sandbox = await open(t, state!);
    for (let request = 0; request < REQUESTS; request++)
      assert.match((await ask(sandbox)).body.toString(), new RegExp(`^file ${request}$`, "m"));
    assert.equal(readFileSync(join(hostPath, "state.txt"), "utf8").length, REQUESTS);
    assert.deepEqual(openFiles("state.txt"), []);
  });

  test("files of requests that have waited are closed as well", async (t) => {
    const sandbox = await open(t, waits!);
    for (let request = 0; request < REQUESTS; request++)
      assert.equal((await ask(sandbox, `${OPENED_EACH} 1`)).body.toString(), `opened ${OPENED_EACH}\n`);
    assert.deepEqual(openFiles("kept.txt"), []);
  });

  test("files of a request that was given up while it waited are closed", async (t) => {
    const sandbox = await open(t, waits!);
    await ask(sandbox, "1 1");
    const { call, abort } = fakeCall({ body: `${OPENED_EACH} ${GIVEN_UP_AFTER_MS}` });
    sandbox.invoke(call);
    await ask(sandbox, "0 20");
    abort();
    await eventually("its files are closed", () => openFiles("kept.txt").length === 0);
  });

  test("a guest that opens ten thousand files is told that there are no more, and the next one begins with none", async (t) => {
    const sandbox = await open(t, many!);
    for (let request = 0; request < 2; request++)
      assert.match((await ask(sandbox)).body.toString(), /^opened [1-9]\d*\n(?:No file descriptors available|Too many open files.*)\n$/);
    assert.deepEqual(openFiles("many-"), []);
  });

  test("a guest finds no way to write outside of its folder", async (t) => {
    writeFileSync(join(outer, "victim"), "");
    const sandbox = await open(t, outside!);
    assert.equal((await ask(sandbox)).body.toString(), "ways out: 0\n");
    assert.deepEqual(readdirSync(outer).sort(), ["shared", "victim"]);
  });

  test("a guest that closes its streams and gives their numbers to files answers with what it wrote before", async (t) => {
    const sandbox = await open(t, closes!);
    for (let request = 0; request < 2; request++) assert.equal((await ask(sandbox)).body.toString(), "before\n");
    assert.equal(readFileSync(join(hostPath, "taken.txt"), "utf8"), "after\n");
  });

  test("nothing is created in a folder that may only be read", async (t) => {
    const sandbox = await open(t, state!, { folders: [{ hostPath, guestName: "/", isWritable: false }] });
    assert.match((await ask(sandbox)).body.toString(), /^file 0$/m);
    assert.equal(existsSync(join(hostPath, "state.txt")), false);
  });
});

/** What this process has open whose path holds `name`; nothing where /proc does not tell. */
function openFiles(name: string): string[] {
  if (process.platform !== "linux") return [];
  const descriptors = readdirSync("/proc/self/fd").map((descriptor) => {
    try {
      return readlinkSync(join("/proc/self/fd", descriptor));
    } catch {
      // Closed since it was listed.
      return "";
    }
  });
  return descriptors.filter((target) => target.includes(name));
}
