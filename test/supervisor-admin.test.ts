/** The admin API over a supervisor with scripted workers. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { resolveConfig } from "../src/config/parse.ts";
import { type AdminServer, openAdmin } from "../src/serve/admin.ts";
import { type OpenServer, openServer } from "../src/serve/server.ts";
import { pilotlight } from "./support/cli.ts";
import { createFleet, eventually, type Fleet, spec } from "./support/fake-fleet.ts";

let fleet: Fleet;
let admin: AdminServer;
before(async () => {
  fleet = createFleet([spec("hello", { env: { KEY: "hunter2" } }), spec("tenant", { isolation: { kind: "process" } })]);
  assert.ok((await fleet.supervisor.start()).ok);
  const opened = await openAdmin(fleet.supervisor, { host: "127.0.0.1", port: 0, named: true, token: null, tls: null });
  assert.ok(opened.ok);
  admin = opened.value;
});
after(async () => {
  admin.close();
  await fleet.stop();
});

async function ask(path: string, method = "GET"): Promise<{ status: number; json: Record<string, unknown> }> {
  const answer = await fetch(admin.url + path, { method });
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
}

test("health says that it serves, and where", async () => {
  const { json } = await ask("/v1/health");
  assert.equal(json["status"], "ok");
  assert.equal(json["url"], fleet.supervisor.addresses.url);
});

test("functions are listed with where they run and without their env", async () => {
  const { json } = await ask("/v1/functions");
  const functions = json["functions"] as { id: string; isolation: unknown; placement: unknown }[];
  assert.deepEqual(
    functions.map(({ id, isolation, placement }) => [id, isolation, placement]),
    [
      ["hello", "shared", { where: "shared" }],
      ["tenant", "process", { where: "isolation" }],
    ],
  );
  assert.doesNotMatch(JSON.stringify(json), /hunter2/);
});

test("stats name every worker", async () => {
  const { json } = await ask("/v1/stats");
  const [worker] = json["workers"] as { pid: number; listening: boolean }[];
  assert.equal(worker?.pid, await fleet.get("/pid"));
  assert.equal(worker?.listening, true);
});

test("metrics are Prometheus text and are counted by the workers", async () => {
  const answer = await fetch(`${admin.url}/metrics`);
  assert.match(answer.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  assert.match(await answer.text(), /^pilotlight_worker_resident_bytes\{worker="0"\} \d+$/m);
});

test("a worker that does not answer costs a scrape at most its deadline", async () => {
  const { pid } = fleet.supervisor.slots[0]!.worker!;
  process.kill(pid, "SIGSTOP");
  try {
    assert.match(await (await fetch(`${admin.url}/metrics`)).text(), /pilotlight_gc_total/);
  } finally {
    process.kill(pid, "SIGCONT");
  }
});

test("logs are lines of JSON, of one function when asked", async () => {
  await fleet.get("/log/hello/first");
  await fleet.get("/log/other/second");
  const text = await eventually("the record is there", async () => {
    const lines = await (await fetch(`${admin.url}/v1/logs?function=hello`)).text();
    return lines.includes("first") ? lines : null;
  });
  assert.deepEqual(
    text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).message),
    ["first"],
  );
});

test("a follower gets what is logged after it came", async () => {
  const abort = new AbortController();
  const answer = await fetch(`${admin.url}/v1/logs?function=quiet&follow=1`, { signal: abort.signal });
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  await fleet.get("/log/quiet/spoken");
  const { value } = await reader.read();
  assert.equal(JSON.parse(value!).message, "spoken");
  abort.abort();
});

test("reload answers with the version that is served now", async () => {
  const { status, json } = await ask("/v1/reload", "POST");
  assert.equal(status, 200);
  assert.equal(json["version"], fleet.supervisor.live.current.version);
  fleet.plan.failures = [{ code: "SOURCE_UNREADABLE", message: "Cannot read it", hint: "Mend it" }];
  const refused = await ask("/v1/reload", "POST");
  fleet.plan.failures = [];
  assert.equal(refused.status, 409);
  assert.deepEqual(refused.json, { error: { code: "SOURCE_UNREADABLE", message: "Cannot read it", hint: "Mend it" } });
});

test("a profile comes from the worker; bad questions are answered in words", async () => {
  assert.deepEqual((await ask("/v1/profile?function=hello&kind=heap&seconds=0.1", "POST")).json, { kind: "heap" });
  assert.equal((await ask("/v1/profile?function=nobody", "POST")).status, 404);
  for (const query of ["kind=tea", "seconds=0", "seconds=1e9", "seconds=x"]) {
    assert.equal((await ask(`/v1/profile?function=hello&${query}`, "POST")).status, 400, query);
  }
});

test("unknown paths and wrong methods are told what there is", async () => {
  assert.equal((await ask("/v1/nothing")).status, 404);
  assert.equal((await ask("//evil/metrics")).status, 404);
  assert.equal((await ask("/constructor")).status, 404);
  const answer = await fetch(`${admin.url}/v1/reload`);
  assert.equal(answer.status, 405);
  assert.equal(answer.headers.get("allow"), "POST");
});

test("a browser page gets nothing", async () => {
  const status = await new Promise((resolve, reject) => {
    const sent = request(`${admin.url}/v1/reload`, { method: "POST", headers: { host: "evil.example" } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    sent.on("error", reject);
    sent.end();
  });
  assert.equal(status, 403);
});

test("a taken admin address is a failure with a way out", async () => {
  const opened = await openAdmin(fleet.supervisor, {
    host: "127.0.0.1",
    port: Number(new URL(admin.url).port),
    named: true,
    token: null,
    tls: null,
  });
  assert.ok(!opened.ok);
  assert.equal(opened.failure.code, "ADMIN_UNAVAILABLE");
  assert.match(opened.failure.hint ?? "", /--admin/);
});

describe("a server whose admin address is taken", () => {
  const lines: string[] = [];
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "pilotlight-admin-"));
    writeFileSync(join(folder, "hello.js"), "export default () => new Response('up')");
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function openTaken(named: boolean): Promise<OpenServer> {
    const options = {
      path: folder,
      port: 0,
      workers: 1,
      quiet: true,
      dataDir: join(folder, ".pilotlight"),
      admin: new URL(admin.url).host,
    };
    const config = await resolveConfig(options, folder);
    assert.ok(config.ok && config.value.admin !== null);
    return openServer({ ...config.value, admin: { ...config.value.admin, named } }, { sink: (text) => void lines.push(text) });
  }

  test("does not start when the address was named, and says what to do", async () => {
    const server = await openTaken(true);
    const started = await server.start();
    assert.ok(!started.ok);
    assert.deepEqual(
      started.failure.map(({ code }) => code),
      ["ADMIN_UNAVAILABLE"],
    );
    assert.match(started.failure[0]?.hint ?? "", /--admin HOST:PORT/);
  });

  test("exits with 2 on the command line", async () => {
    const { status, stderr } = await pilotlight(["serve", "-p", "0", "-w", "1", "--admin", new URL(admin.url).host], { cwd: folder });
    assert.equal(status, 2);
    assert.match(stderr, /Cannot open the admin address 127\.0\.0\.1:\d+: [^\n]*EADDRINUSE/);
    assert.match(stderr, /--admin/);
  });

  test("serves without it, with a warning that names a way out, when it is only the default", async () => {
    const server = await openTaken(false);
    const started = await server.start();
    try {
      assert.ok(started.ok);
      assert.equal(started.value.adminUrl, null);
      assert.equal(await (await fetch(`${started.value.url}/hello`)).text(), "up");
      const warning = JSON.parse(lines.find((line) => line.includes("Cannot open the admin address")) ?? "{}") as Record<string, unknown>;
      assert.equal(warning["level"], "warn");
      assert.match(String(warning["hint"]), /--admin HOST:PORT/);
    } finally {
      await server.stop();
    }
  });
});

test("followers of the log leave connections for everybody else", async () => {
  const abort = new AbortController();
  const follow = async (): Promise<Response> => fetch(`${admin.url}/v1/logs?function=quiet&follow=1`, { signal: abort.signal });
  try {
    const followers = await Promise.all(Array.from({ length: 64 }, follow));
    assert.ok(followers.every((answer) => answer.status === 200));
    const refused = await follow();
    assert.equal(refused.status, 503);
    assert.equal(((await refused.json()) as { error: { code: string } }).error.code, "LOG_FOLLOWERS_FULL");
    assert.equal((await ask("/v1/health")).status, 200);
  } finally {
    abort.abort();
  }
  const again = new AbortController();
  await eventually("a place is free again", async () => {
    const answer = await fetch(`${admin.url}/v1/logs?function=quiet&follow=1`, { signal: again.signal });
    return answer.status === 200;
  });
  again.abort();
});
