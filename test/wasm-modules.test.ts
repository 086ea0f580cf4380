/**
 * Files that are no module we can serve: each is named with its reason by
 * `validate` before anybody calls it and in the log when somebody does, and the
 * functions beside it are served.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { command } from "../src/engines/wasm/binary/testing/assembler.ts";
import { pilotlight } from "./support/cli.ts";
import { fileOf, guest, skipReason } from "./support/guests.ts";
import type { TestServer } from "./support/server.ts";
import { startWasmServer, writeModules } from "./support/wasm-server.ts";

const MIB = 1024 * 1024;
const HUGE_BYTES = 200 * MIB;
const HEAD = Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
/** What `wasm-tools component new` puts first: the same magic, version 13, layer 1. */
const COMPONENT = Uint8Array.from([0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0]);

const I32_ADD_OF_I64 = command([0x42, 1, 0x42, 2, 0x6a, 0x1a]);

const order = await guest("c", "order");
const [unknown, wrong, good] = await Promise.all(["unknown-imports", "wrong-signature", "data-drop"].map((name) => guest("wat", name)));

/** Function id to what is said of it. */
const REASONS: Readonly<Record<string, RegExp>> = {
  empty: /the file has 0 bytes and is no WebAssembly module/,
  text: /Cannot use text: .*(?:is no|not a) WebAssembly module/,
  head: /Cannot use head: .*(?:_start|memory)/,
  truncated: /Cannot use truncated: /,
  damaged: /Cannot use damaged: /,
  huge: /Cannot use huge: the module has 200 MiB, and at most 64 MiB are taken/,
  component: /Cannot use component: .*component/,
  mistyped: /Cannot use mistyped: it does not compile: .*function #0/,
  unknown: /the module imports wasi_snapshot_preview1\.fd_wriet, env\.launch, which are not provided/,
  wrong: /imports wasi_snapshot_preview1\.fd_write as \(i32, i32, i32\) -> i32, which is \(i32, i32, i32, i32\) -> i32/,
};

describe("modules", { skip: skipReason(order) }, () => {
  const folder = mkdtempSync(join(tmpdir(), "pilotlight-bad-modules-"));
  let server: TestServer;
  before(async () => {
    const bytes = readFileSync(fileOf(order));
    const damaged = Uint8Array.from(bytes);
    damaged.fill(0xff, HEAD.length, HEAD.length + 64);
    writeModules(folder, {
      good: fileOf(good!),
      empty: new Uint8Array(0),
      text: Buffer.from("export default () => new Response('a function, but no module');\n"),
      head: HEAD,
      truncated: bytes.subarray(0, bytes.length >> 1),
      damaged,
      component: COMPONENT,
      mistyped: I32_ADD_OF_I64,
      unknown: fileOf(unknown!),
      wrong: fileOf(wrong!),
    });
    // Sparse: it takes no room on the disk.
    writeFileSync(join(folder, "huge.wasm"), HEAD);
    truncateSync(join(folder, "huge.wasm"), HUGE_BYTES);
    server = await startWasmServer({}, { path: folder, dataDir: join(folder, ".pilotlight") });
  });
  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("that can't be used answer 500 with no reason, and the log has it with the file and what to do", async () => {
    const requestIds = new Map<string, string | null>();
    for (const id of Object.keys(REASONS)) {
      const answer = await server.get(`/${id}`);
      assert.equal(answer.status, 500, id);
      requestIds.set(id, answer.headers.get("x-request-id"));
      const { error } = (await answer.json()) as { error: { code: string; message: string } };
      assert.equal(error.code, "LOAD_FAILED");
      assert.doesNotMatch(error.message, REASONS[id]!);
    }
    const logs = await server.logs();
    for (const [id, reason] of Object.entries(REASONS)) {
      const logged = logs.find((record) => record["requestId"] === requestIds.get(id));
      assert.match(String(logged?.["message"]), reason);
      assert.match(String(logged?.["message"]), new RegExp(`${id}\\.wasm`));
      assert.ok(String(logged?.["hint"]).length > 10, `${id} has a hint`);
    }
  });

  test("that can be used are served beside them", async () => {
    for (let request = 0; request < 3; request++) assert.equal(await (await server.get("/good")).text(), "kept\n");
  });

  test("are told apart by validate, which names every one that can't be used", async () => {
    const { status, stdout } = await pilotlight(["validate", folder, "--json"], { cwd: folder });
    assert.equal(status, 1, stdout);
    const { functions, failed } = JSON.parse(stdout) as {
      functions: { id: string; failure: { message: string; hint?: string } | null; start?: { mode: string; contract: string } }[];
      failed: number;
    };
    assert.equal(failed, Object.keys(REASONS).length);
    for (const { id, failure } of functions) {
      if (id === "good") assert.equal(failure, null);
      else assert.match(failure?.message ?? "", REASONS[id]!, id);
    }
  });
});
