/**
 * `serve --record` and `pilotlight replay`, from the request to the second run:
 * what depends on clock, chance, files, the store and waiting comes out the
 * same, and so do crashes; secrets stay out; damaged recordings are refused.
 */
import assert from "node:assert/strict";
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { MIB } from "../src/base/units.ts";
import type { Recording } from "../src/engines/wasm/recording/recording.ts";
import { buildWasm } from "../src/serve/build-wasm.ts";
import { type CliResult, pilotlight } from "./support/cli.ts";
import { spec } from "./support/fake-fleet.ts";
import { fileOf, guest, skipReason } from "./support/guests.ts";
import type { TestServer } from "./support/server.ts";
import { startWasmServer } from "./support/wasm-server.ts";

const NAMES = ["clock", "trap", "wait", "cat", "cgi", "random-first", "every-import", "attacks/endless-loop", "attacks/output-flood"];
const guests = await Promise.all(NAMES.map((name) => guest("c", name)));
const go = await guest("go", "state");
const WITHIN_MS = 60_000;
const SECRET = "hunter2-hunter2";

const folder = mkdtempSync(join(tmpdir(), "pilotlight-record-"));
const recordings = join(folder, "recordings");
after(() => rmSync(folder, { recursive: true, force: true }));

const replay = (file: string, ...args: string[]): Promise<CliResult> => pilotlight(["replay", file, ...args], { cwd: folder });
const read = (file: string): Recording => JSON.parse(readFileSync(file, "utf8")) as Recording;

/** Written after the answer: looked for until it is there. */
async function recordingOf(functionId: string, requestId: string): Promise<string> {
  const deadlineMs = performance.now() + WITHIN_MS;
  for (;;) {
    const [found] = globSync(join(recordings, encodeURIComponent(functionId), `*-${requestId}.json`));
    if (found !== undefined) return found;
    assert.ok(performance.now() < deadlineMs, `${functionId} has no recording of ${requestId}`);
    await setTimeout(20);
  }
}

/** A copy with something else in it, with its module beside it. */
function changed(file: string, change: (recording: Recording) => unknown): string {
  const recording = read(file);
  const copy = join(folder, "changed", `${Math.random()}.json`);
  mkdirSync(dirname(copy), { recursive: true });
  writeFileSync(copy, JSON.stringify(change(recording)));
  const module = `${recording.module}.wasm`;
  writeFileSync(join(dirname(copy), module), readFileSync(join(recordings, ".modules", module)));
  return copy;
}

/** Beside a server it would be done at the lowest priority: on a busy machine that may be never. */
async function prepare(dataDir: string, file: string): Promise<void> {
  const limits = { memoryMaxBytes: 128 * MIB, timeoutMs: 30_000, cpuTimeoutMs: 5_000 };
  const source = spec("go", { engine: "wasm", file, contract: "command", checkpoint: true, ...limits });
  const built = await buildWasm({ dataDir }, source, { signal: new AbortController().signal, isWaitedFor: true });
  assert.ok(built.ok);
  assert.equal((await built.value.better)?.failure, null);
}

describe("recorded requests", { skip: skipReason(guests[0]!) }, () => {
  let server: TestServer;
  let requestCount = 0;
  before(async () => {
    const data = join(folder, "data");
    mkdirSync(data);
    process.env["RECORD_TEST_SECRET"] = SECRET;
    const modules = Object.fromEntries(NAMES.map((name, index) => [name === "wait" ? "[ms]" : basename(name), fileOf(guests[index]!)]));
    const keeps = ["default"];
    const dataDir = join(folder, "server");
    if ("file" in go) await prepare(dataDir, go.file);
    server = await startWasmServer("file" in go ? { ...modules, go: go.file, "go-shared": go.file } : modules, {
      dataDir,
      record: recordings,
      cpuTimeout: 300,
      functions: {
        clock: { contract: "command" },
        trap: { contract: "command" },
        cat: { contract: "command" },
        cgi: { secrets: ["RECORD_TEST_SECRET"], env: { MODE: "plain" } },
        "[ms]": { timeout: 400 },
        "random-first": { contract: "command", checkpoint: true },
        "output-flood": { output: 100_000 },
        go: { contract: "command", checkpoint: true, cpuTimeout: 5_000 },
        "go-shared": { contract: "command", checkpoint: true, cpuTimeout: 5_000, allow: { dir: [`${data}::/data`] } },
        "every-import": {
          contract: "command",
          allow: { dir: [`${data}::/data:rw`], kv: keeps, sql: keeps, blob: keeps, queue: keeps, lock: keeps },
        },
      },
    });
  });
  after(() => server.stop());

  async function ask(functionId: string, path = `/${functionId}`, init: RequestInit = {}) {
    const requestId = `test-${++requestCount}`;
    const answer = await server.get(path, { ...init, headers: { "x-request-id": requestId, ...init.headers } });
    const body = Buffer.from(await answer.arrayBuffer());
    return { status: answer.status, body: body.toString("latin1"), file: await recordingOf(functionId, requestId) };
  }

  async function assertSame(file: string, body: string): Promise<void> {
    const again = await replay(file);
    assert.equal(again.status, 0, again.stderr);
    assert.equal(again.stdout, body);
  }

  for (const name of ["clock", "random-first", "every-import"]) {
    test(`${name} gives the same bytes again`, async () => {
      const { status, body, file } = await ask(name);
      assert.equal(status, 200);
      assert.notEqual(body, "");
      await assertSame(file, body);
    });
  }

  test("a body and an answer that fit no shared memory come back whole", async () => {
    const body = Uint8Array.from({ length: 300_000 }, (_, at) => at % 128);
    const { file, body: answer } = await ask("cat", "/cat", { method: "POST", body });
    assert.equal(answer.length, body.length);
    await assertSame(file, answer);
  });

  test("one that waited goes on where it waited, at once", async () => {
    const { status, file } = await ask("[ms]", "/20");
    assert.equal(status, 200);
    const { waits, calls } = read(file);
    assert.ok(waits);
    assert.ok(calls.some(({ operation }) => operation === "sleep"));
    await assertSame(file, "waited");
  });

  test("one that was given up while it waited waits for ever again", async () => {
    const { status, file } = await ask("[ms]", "/60000");
    assert.equal(status, 504);
    assert.equal(read(file).outcome.failure?.code, "CALL_TIMEOUT");
    const again = await replay(file, "--json");
    assert.equal(again.status, 0, again.stderr);
    assert.equal((JSON.parse(again.stdout) as { failure: { code: string } }).failure.code, "CALL_TIMEOUT");
  });

  for (const [name, code, init] of [
    ["trap", "GUEST_TRAPPED", { method: "POST", body: "divide" }],
    ["trap", "GUEST_TRAPPED", { method: "POST", body: "abort" }],
    ["endless-loop", "CPU_LIMIT_EXCEEDED", {}],
    ["output-flood", "OUTPUT_TOO_LARGE", {}],
  ] as const) {
    test(`${name} ends with ${code} again${"body" in init ? ` (${init.body})` : ""}`, async () => {
      const { status, file } = await ask(name, `/${name}`, init);
      assert.equal(status, 500);
      assert.equal(read(file).outcome.failure?.code, code);
      const again = await replay(file, "--json");
      assert.equal(again.status, 0, again.stdout + again.stderr);
      const { same, failure } = JSON.parse(again.stdout) as { same: boolean; failure: { code: string; message: string } };
      assert.deepEqual([same, failure], [true, read(file).outcome.failure]);
    });
  }

  test("a run that is stopped where the recorded one was not tells its own limit", async () => {
    const { file } = await ask("endless-loop");
    const answered = { ended: 0, exitCode: 0, stdout: "", stderr: "", failure: null };
    const again = await replay(
      changed(file, (recording) => ({ ...recording, outcome: answered, limits: { ...recording.limits, timeoutMs: 100 } })),
      "--json",
    );
    const { same, failure } = JSON.parse(again.stdout) as { same: boolean; failure: unknown };
    assert.deepEqual([same, failure], [false, { code: "CALL_TIMEOUT", message: "it did not finish within 100 ms" }]);
  });

  // With a folder it runs in instances that can be suspended, and that are used again.
  for (const name of ["go", "go-shared"]) {
    test(`${name} is replayed with what its image was made with`, { skip: skipReason(go) }, async () => {
      const deadlineMs = performance.now() + WITHIN_MS;
      for (let imaged = 0; imaged < 3; ) {
        const { status, body, file } = await ask(name);
        assert.equal(status, 200);
        const { startMode, preparation, waits } = read(file);
        assert.equal(waits, name === "go-shared");
        assert.ok(performance.now() < deadlineMs, `it only started by ${startMode}`);
        if (startMode === "checkpoint") {
          assert.ok(preparation.length > 0, "Go draws random numbers when it starts");
          await assertSame(file, body);
          imaged++;
        } else await setTimeout(200);
      }
    });
  }

  test("secrets are in no byte of a recording, and it is replayed without them", async () => {
    const headers = {
      authorization: "Bearer letmein-letmein",
      cookie: "session=s3ss10n-s3ss10n",
      "x-api-key": "k3y-k3y-k3y",
      "x-plain": "seen",
    };
    const { body, file } = await ask("cgi", "/cgi?from=letmein-letmein", { headers });
    for (const secret of [SECRET, "letmein-letmein", "s3ss10n-s3ss10n", "k3y-k3y-k3y"]) {
      assert.ok(body.includes(secret), `the guest was given ${secret}`);
      const { outcome } = read(file);
      assert.ok(!readFileSync(file, "utf8").includes(secret), secret);
      assert.ok(!Buffer.from(outcome.stdout!, "base64").includes(secret), secret);
    }
    const { env, request } = read(file);
    assert.deepEqual(env, { MODE: "plain", RECORD_TEST_SECRET: "*".repeat(SECRET.length) });
    assert.match(request.headerBlock, /x-plain: seen/i);
    const again = await replay(file);
    assert.equal(again.status, 0, again.stderr);
    assert.equal(again.stdout.length, body.length);
  });

  test("a recording that was changed differs, and the first difference is named", async () => {
    const { file } = await ask("clock");
    const other = Buffer.from("other output").toString("base64");
    for (const [change, told] of [
      [(recording) => ({ ...recording, outcome: { ...recording.outcome, stdout: other } }), /standard output differs at byte 0/],
      [(recording) => ({ ...recording, outcome: { ...recording.outcome, exitCode: 3 } }), /exit code is 3, and this one 0/],
      [(recording) => ({ ...recording, calls: recording.calls.slice(0, 1) }), /host call 2 of 1: it asked for clock/],
      [(recording) => ({ ...recording, calls: [...recording.calls, ...recording.calls] }), /ended before host call 4 of 6, clock/],
      [(recording) => ({ ...recording, calls: recording.calls.toReversed() }), /host call 1 of 3: it called clock with other arguments/],
      [
        (recording) => ({ ...recording, calls: recording.calls.map((one) => ({ ...one, bytes: "AAAA" })) }),
        /recorded bytes are not as many/,
      ],
    ] as readonly (readonly [(recording: Recording) => unknown, RegExp])[]) {
      const again = await replay(changed(file, change));
      assert.equal(again.status, 1, String(told));
      assert.match(again.stderr, told);
    }
  });

  test("damaged, foreign and hostile recordings are refused with their place", async () => {
    const { file } = await ask("clock");
    for (const [change, told] of [
      [() => null, /it is no object/],
      [() => ({}), /is missing/],
      [(recording) => ({ ...recording, format: 999 }), /has format 999/],
      [(recording) => ({ ...recording, module: "../../../etc/passwd" }), /module has no value that it may have/],
      [(recording) => ({ ...recording, module: "0".repeat(64) }), /Cannot find the recorded module/],
      [(recording) => ({ ...recording, contract: "__proto__" }), /contract has no value/],
      [(recording) => ({ ...recording, calls: [{ operation: {} }] }), /calls has no value/],
      [(recording) => ({ ...recording, limits: { ...recording.limits, memoryMaxBytes: 1e300 } }), /limits.memoryMaxBytes/],
      [(recording) => ({ ...recording, isCut: true }), /needed more than a recording holds/],
    ] as readonly (readonly [(recording: Recording) => unknown, RegExp])[]) {
      const again = await replay(changed(file, change));
      assert.equal(again.status, 2, String(told));
      assert.match(again.stderr, told);
    }
    const cut = changed(file, (recording) => recording);
    writeFileSync(cut, readFileSync(cut, "utf8").slice(0, 100));
    assert.match((await replay(cut)).stderr, /it is no JSON/);
    const whole = changed(file, (recording) => recording);
    writeFileSync(join(dirname(whole), `${read(whole).module}.wasm`), "another module");
    assert.match((await replay(whole)).stderr, /its content is not what was recorded/);
    assert.equal((await replay("nowhere.json")).status, 2);
    assert.equal((await pilotlight(["replay"], { cwd: folder })).status, 2);
  });
});

test("a disk that takes no recording is one warning, and no failed request", { skip: skipReason(guests[0]!) }, async () => {
  const place = join(folder, "lost");
  const server = await startWasmServer({ cat: fileOf(guests[3]!) }, { record: place, functions: { cat: { contract: "command" } } });
  try {
    rmSync(place, { recursive: true });
    writeFileSync(place, "a file where the folder was");
    for (let request = 0; request < 3; request++) {
      assert.equal((await server.get("/cat", { method: "POST", body: "x" })).status, 200);
      await setTimeout(100);
    }
    const warnings = (await server.logs("cat")).filter(({ message }) => String(message).startsWith("Cannot keep a recording"));
    assert.equal(warnings.length, 1);
  } finally {
    await server.stop();
  }
});

test("recordings in the folder of functions are refused: they would be taken for functions", async () => {
  writeFileSync(join(folder, "hello.js"), "export default () => new Response('');");
  const refused = await pilotlight(["serve", folder, "--record", join(folder, "kept"), "--port", "0", "--admin", "off"], { cwd: folder });
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /recordings would lie in the folder of functions/);
});
