/**
 * Isolation modes under concurrency, and what a client can do to a function
 * whose answer never ends.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startServer, type TestServer } from "./support/server.ts";

const COUNTING = `let count = 0;
export default async (request) => { count++; await new Promise((resolve) => setTimeout(resolve, 2)); return new Response(String(count)); };`;

describe("isolation", () => {
  let server: TestServer;
  before(async () => {
    const files = {
      "one.js": COUNTING,
      "three.js": COUNTING,
      "fresh.js": COUNTING,
      "brief.js": COUNTING,
      "endless.js": "export default () => new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(16384)); } }));",
      "headers.js": `export default () => { Response.prototype.headerLines = () => "a: b\\r\\n".repeat(1e6); return new Response("x"); };`,
      "neighbour.js": `export default () => new Response("unharmed");`,
    };
    const functions = {
      one: { isolation: "bounded(1)" },
      three: { isolation: "bounded(3)" },
      fresh: { isolation: "request" },
      brief: { isolation: "ttl(5ms)" },
    };
    server = await startServer(files, { functions, pool: 32, poolWaitTimeoutMs: 5_000, timeout: "10s" });
  });
  after(() => server.stop());

  async function together(path: string, callCount: number): Promise<number[]> {
    const answers = await Promise.all(Array.from({ length: callCount }, () => server.get(path)));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    return (await Promise.all(answers.map((answer) => answer.text()))).map(Number);
  }

  test("bounded(1) and request: every call of many at once has fresh state, and none fails", async () => {
    for (let round = 0; round < 3; round++) {
      assert.deepEqual([...new Set(await together("/one", 12))], [1]);
      assert.deepEqual([...new Set(await together("/fresh", 12))], [1]);
    }
  });

  test("bounded(3): no sandbox answers more than three calls", async () => {
    assert.ok(Math.max(...(await together("/three", 24))) <= 3);
  });

  test("ttl: sandboxes are replaced under load without a failed call", async () => {
    for (let round = 0; round < 10; round++) await together("/brief", 6);
    assert.ok((await server.metric("pilotlight_cold_starts_total", 'function="brief"')) >= 2);
  });

  test("HEAD on an endless stream is answered, and the function serves on", async () => {
    assert.equal((await server.get("/endless", { method: "HEAD" })).status, 200);
    assert.equal((await server.get("/endless", { method: "HEAD" })).status, 200);
    assert.equal(await (await server.get("/neighbour")).text(), "unharmed");
  });

  test("a client that hangs up on an endless stream does not take the function with it", async () => {
    for (let attempt = 0; attempt < 3; attempt++) {
      const leave = new AbortController();
      const answer = await server.get("/endless", { signal: leave.signal });
      await (answer.body as ReadableStream<Uint8Array>).getReader().read();
      leave.abort();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal((await server.get("/endless", { method: "HEAD" })).status, 200);
  });

  test("megabytes of header lines end in a 500, in both lanes", async () => {
    for (let call = 0; call < 40; call++) assert.equal((await server.get("/headers")).status, 500);
    assert.equal(await (await server.get("/neighbour")).text(), "unharmed");
  });
});
