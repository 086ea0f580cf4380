/**
 * What the operator sees of a running server: every answer is counted and
 * logged once, counters only grow, and nothing of the operator's side is on
 * the public port.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { startServer, type TestServer, writeFunctions } from "./support/server.ts";

type Entry = Record<string, unknown>;

const HELLO = `export default () => new Response("v1")`;

/** A request whose body is sent by hand: its function waits for the end of it. */
function openPost(server: TestServer, path: string): { readonly post: ClientRequest; readonly answer: Promise<IncomingMessage> } {
  const post = request(new URL(path, server.url), { method: "POST", headers: { "transfer-encoding": "chunked" } });
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    post.on("response", (response) => resolve(response.resume()));
    post.on("error", reject);
  });
  post.write("begun");
  return { post, answer };
}

async function eventually<Value>(what: string, look: () => Promise<Value | null>): Promise<Value> {
  const untilMs = performance.now() + 10_000;
  for (;;) {
    const seen = await look();
    if (seen !== null) return seen;
    if (performance.now() > untilMs) throw new Error(`Waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const publicDir = mkdtempSync(join(tmpdir(), "pilotlight-telemetry-"));
writeFunctions(publicDir, { "a.txt": "file" });
after(() => rmSync(publicDir, { recursive: true, force: true }));

describe("answers without a function", () => {
  const files = { "strict.js": HELLO, "users/[id].js": HELLO };
  const options = { cors: true, static: publicDir, functions: { strict: { methods: ["GET"] } } };
  const preflight = { origin: "https://app.example", "access-control-request-method": "POST" };
  const asked: readonly [path: string, init: RequestInit, status: number, source: string][] = [
    ["/nothing", {}, 404, "router"],
    ["/static", {}, 404, "router"],
    ["/users/%ff", {}, 400, "router"],
    ["/strict", { method: "DELETE" }, 405, "router"],
    ["/strict", { method: "OPTIONS", headers: preflight }, 204, "cors"],
    ["/static/a.txt", {}, 200, "static"],
    ["/static/b.txt", {}, 404, "static"],
    ["/_health", {}, 200, "probe"],
    ["/_ready", { headers: { "x-request-id": "probe-7" } }, 200, "probe"],
  ];

  async function askAll(server: TestServer): Promise<void> {
    for (const [path, init, status] of asked) {
      const answer = await server.get(path, init);
      assert.equal(answer.status, status, path);
      await answer.arrayBuffer();
    }
  }

  test("are counted by source and status, and logged as calls are", async () => {
    const server = await startServer(files, { ...options, quiet: false });
    try {
      await askAll(server);
      for (const [path, , status, source] of asked) {
        const count = asked.filter((one) => one[2] === status && one[3] === source).length;
        const labels = [`source="${source}"`, `status="${status}"`];
        assert.equal(await server.metric("pilotlight_server_answers_total", ...labels), count, path);
      }
      const logged = (await server.logs()).filter((record) => "source" in record);
      assert.deepEqual(
        logged.map(({ path, status, source }) => [path, status, source]),
        asked.map(([path, , status, source]) => [path, status, source]),
      );
      const last = logged.at(-1) as Entry;
      assert.equal(last["message"], "GET /_ready 200");
      assert.equal(last["requestId"], "probe-7");
      assert.equal(typeof last["durationUs"], "number");
    } finally {
      await server.stop();
    }
  });

  test("are counted and not logged with --quiet", async () => {
    const server = await startServer(files, options);
    try {
      await askAll(server);
      await server.get("/strict");
      assert.equal(await server.metric("pilotlight_server_answers_total", 'source="router"', 'status="404"'), 2);
      assert.deepEqual(
        (await server.logs()).filter((record) => "path" in record),
        [],
      );
    } finally {
      await server.stop();
    }
  });

  test("of a function that can't be served count as that function's", async () => {
    const server = await startServer({ "later.js": HELLO }, { quiet: false, functions: { later: { engine: "process" } } });
    try {
      assert.equal((await server.get("/later")).status, 500);
      assert.equal(await server.metric("pilotlight_requests_total", 'function="later"', 'status="500"'), 1);
      assert.ok((await server.logs("later")).some(({ path, status }) => path === "/later" && status === 500));
    } finally {
      await server.stop();
    }
  });
});

describe("counters", () => {
  test("of a function do not fall when a reload replaces it, nor when one removes it", async () => {
    const server = await startServer({ "hello.js": HELLO, "other.js": HELLO });
    const requests = (): Promise<number> => server.metric("pilotlight_requests_total", 'function="hello"', 'status="200"');
    const coldStarts = (): Promise<number> => server.metric("pilotlight_cold_starts_total", 'function="hello"');
    try {
      await server.get("/hello");
      await server.get("/hello");
      writeFunctions(server.folder, { "hello.js": HELLO.replace("v1", "v2") });
      await server.reload();
      assert.equal(await (await server.get("/hello")).text(), "v2");
      assert.equal(await requests(), 3);
      assert.equal(await coldStarts(), 2);
      rmSync(join(server.folder, "hello.js"));
      await server.reload();
      assert.equal((await server.get("/hello")).status, 404);
      assert.equal(await requests(), 3);
      assert.equal(await server.metric("pilotlight_pool_size", 'function="hello"'), 0);
    } finally {
      await server.stop();
    }
  });

  test("include the calls that a replaced function still answers", async () => {
    const reader = `export default async (request) => new Response(await request.text())`;
    const server = await startServer({ "reader.js": reader });
    const inUse = (): Promise<number> => server.metric("pilotlight_pool_in_use", 'function="reader"');
    try {
      const { post, answer } = openPost(server, "/reader");
      await eventually("the call has its place", async () => ((await inUse()) === 1 ? true : null));
      writeFunctions(server.folder, { "reader.js": `${reader};` });
      await server.reload();
      assert.equal(await inUse(), 1);
      post.end();
      assert.equal((await answer).statusCode, 200);
      const counted = async (): Promise<number> => server.metric("pilotlight_requests_total", 'function="reader"', 'status="200"');
      assert.equal(await counted(), 1);
      assert.equal(await inUse(), 0);
      // Two heartbeats: what it counted is kept without it.
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      assert.equal(await counted(), 1);
    } finally {
      await server.stop();
    }
  });

  test("of cold starts are a histogram", async () => {
    const server = await startServer({ "hello.js": HELLO });
    try {
      await server.get("/hello");
      const name = "pilotlight_cold_start_seconds";
      assert.equal(await server.metric(`${name}_bucket`, 'function="hello"', 'le="+Inf"'), 1);
      assert.equal(await server.metric(`${name}_count`, 'function="hello"'), 1);
      assert.equal(await server.metric(`${name}_sum`, 'function="hello"'), await server.metric(`${name}_max`, 'function="hello"'));
    } finally {
      await server.stop();
    }
  });
});

describe("what functions write", () => {
  test("is cut short when one logs in a loop: every line is written or counted, and others are answered", async () => {
    const lineCount = 100_000;
    const flood = `export default () => { for (let i = 0; i < ${lineCount}; i++) console.log("flood", i); return new Response("done"); }`;
    let printed = "";
    const onLog = (lines: string): void => {
      printed += lines;
    };
    const server = await startServer({ "flood.js": flood, "hello.js": HELLO }, {}, { onLog });
    try {
      const flooding = server.get("/flood");
      assert.equal((await server.get("/hello")).status, 200);
      assert.equal((await flooding).status, 200);
      const tally = async (): Promise<{ written: number; reports: Entry[] } | null> => {
        const records = printed
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => JSON.parse(line) as Entry);
        const written = records.filter(({ message }) => String(message).startsWith("flood ")).length;
        const reports = records.filter((record) => "dropped" in record);
        const dropped = reports.reduce((sum, report) => sum + Number(report["dropped"]), 0);
        return written + dropped === lineCount ? { written, reports } : null;
      };
      const { written, reports } = await eventually("every line is accounted for", tally);
      assert.ok(written < lineCount, "nothing was dropped");
      assert.equal(reports[0]?.["function"], "flood");
      assert.equal(reports[0]?.["level"], "warn");
    } finally {
      await server.stop();
    }
  });

  test("has stacks of the developer's own files, during a call and after it", async () => {
    const fail = [
      "interface Named { name: string }",
      "",
      "function fail(one: Named): Error {",
      "  return new Error('no ' + one.name);",
      "}",
      "export default () => {",
      "  console.error('caught', fail({ name: 'call' }));",
      "  setTimeout(() => console.error(fail({ name: 'timer' })), 20);",
      "  return new Response('ok');",
      "};",
    ].join("\n");
    const server = await startServer({ "fail.ts": fail });
    try {
      await server.get("/fail");
      for (const name of ["call", "timer"]) {
        const message = await eventually(`the stack of the ${name} is logged`, async () => {
          const found = (await server.logs("fail")).find((record) => String(record["message"]).includes(`Error: no ${name}`));
          return found === undefined ? null : String(found["message"]);
        });
        assert.match(message, /at fail \(fail\.ts:4:10\)/);
        assert.doesNotMatch(message, /pilotlight/);
      }
    } finally {
      await server.stop();
    }
  });
});

describe("the pool", () => {
  test("logs its line after every so many calls, word for word", async () => {
    const server = await startServer({ "hello.js": HELLO }, { quiet: false, poolMetricsEvery: 3, pool: 8 });
    try {
      for (let call = 0; call < 7; call++) await (await server.get("/hello")).arrayBuffer();
      const lines = (await server.logs("hello")).map(({ message }) => String(message)).filter((text) => text.startsWith("Pool"));
      assert.equal(lines.length, 2);
      for (const line of lines) {
        assert.match(line, /^Pool metrics: in_use=0\/8 exhausted=0 avg_wait_us=0 max_wait_us=0 avg_exec_us=\d+ max_exec_us=[1-9]\d*$/);
      }
    } finally {
      await server.stop();
    }
  });

  test("answers 503 with Retry-After when no place comes free, and says so in the metrics", async () => {
    const server = await startServer({ "reader.js": `export default async (r) => new Response(await r.text())` }, { pool: 1 });
    try {
      const { post, answer } = openPost(server, "/reader");
      await eventually("the place is taken", async () =>
        (await server.metric("pilotlight_pool_in_use", 'function="reader"')) === 1 ? true : null,
      );
      const refused = await server.get("/reader");
      assert.equal(refused.status, 503);
      assert.equal(refused.headers.get("retry-after"), "1");
      assert.equal(((await refused.json()) as { error: { code: string } }).error.code, "POOL_EXHAUSTED");
      post.end();
      assert.equal((await answer).statusCode, 200);
      assert.equal(await server.metric("pilotlight_pool_exhausted_total", 'function="reader"'), 1);
      assert.equal(await server.metric("pilotlight_pool_wait_seconds_count", 'function="reader"'), 1);
      assert.equal(await server.metric("pilotlight_requests_total", 'function="reader"', 'status="503"'), 1);
    } finally {
      await server.stop();
    }
  });
});

describe("the public port", () => {
  test("knows nothing of the admin address", async () => {
    const server = await startServer({ "hello.js": HELLO });
    try {
      for (const path of ["/metrics", "/v1/health", "/v1/functions", "/v1/stats", "/v1/logs", "/v1/reload", "/v1/profile?function=hello"]) {
        for (const method of ["GET", "POST"]) assert.equal((await server.get(path, { method })).status, 404, `${method} ${path}`);
      }
    } finally {
      await server.stop();
    }
  });

  test("says 503 at /_ready and 200 at /_health while the server drains", async () => {
    const server = await startServer({ "reader.js": `export default async (r) => new Response(await r.text())` });
    const { post, answer } = openPost(server, "/reader");
    await eventually("the call is open", async () =>
      (await server.metric("pilotlight_pool_in_use", 'function="reader"')) === 1 ? true : null,
    );
    // Heads that have begun keep their connections: their ends are sent once the port takes no more.
    const probes = await Promise.all(["/_ready", "/_health"].map((path) => beginRequest(server.port, path)));
    await server.metrics();
    const stopped = server.stop();
    await eventually("the port takes no more", async () => ((await takesConnections(server.port)) ? null : true));
    const [ready = "", health = ""] = await Promise.all(probes.map((finish) => finish()));
    post.end();
    assert.equal((await answer).statusCode, 200);
    await stopped;
    assert.match(ready, /^HTTP\/1\.1 503 [\s\S]*\{"status":"draining"\}$/);
    assert.match(health, /^HTTP\/1\.1 200 [\s\S]*\{"status":"ok"\}$/);
  });
});

/** Sends a head but for its end; what it returns sends the end and collects the answer. */
async function beginRequest(port: number, path: string): Promise<() => Promise<string>> {
  const socket = connect(port, "127.0.0.1");
  let received = "";
  socket.on("data", (bytes: Buffer) => {
    received += bytes.toString("latin1");
  });
  const closed = new Promise((resolve) => socket.on("close", resolve));
  await new Promise<void>((resolve) => socket.write(`GET ${path} HTTP/1.1\r\nhost: here\r\n`, () => resolve()));
  return async () => {
    socket.write("\r\n");
    await closed;
    return received;
  };
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => resolve(true));
    socket.on("error", () => resolve(false));
    socket.on("close", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}
