/**
 * What the operator sees of a running server: every answer is counted and
 * logged once, counters only grow, and nothing of the operator's side is on
 * the public port.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
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
      assert.equal(await server.metric("pilotlight_server_answers_total", 'source="router"', 'status="404"'), 1);
      assert.deepEqual(
        (await server.logs()).filter((record) => "path" in record),
        [],
      );
    } finally {
      await server.stop();
    }
  });

  test("of a function that can't be served count as that function's", async () => {
    const server = await startServer({ "later.js": HELLO }, { quiet: false, functions: { later: { engine: "wasm" } } });
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
