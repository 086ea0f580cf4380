/** What ties one request together for the operator: its id, its trace, and the reason of its failure. */
import assert from "node:assert/strict";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { eventually } from "./support/fake-fleet.ts";
import { startServer, type TestServer } from "./support/server.ts";

type Entry = Record<string, unknown>;

describe("one request", () => {
  test("whose body fails before its first byte is answered 500 and logged", async () => {
    const unborn = `export default () => new Response(new ReadableStream({ start() { throw new Error("no body"); } }))`;
    const broken = `let count = 0;
      export default () => new Response(++count > 1 && count <= 51 ? "whole" : new ReadableStream({ pull() { throw new Error("no byte"); } }))`;
    const server = await startServer({ "unborn.js": unborn, "broken.js": broken });
    try {
      // In the thread lane, then in the loop lane.
      assert.equal((await server.get("/broken")).status, 500);
      for (let call = 0; call < 50; call++) assert.equal((await server.get("/broken")).status, 200);
      assert.equal((await server.get("/broken")).status, 500);
      assert.equal((await server.get("/unborn")).status, 500);
      const [record] = await server.logs("broken");
      assert.match(String(record?.["message"]), /no byte/);
    } finally {
      await server.stop();
    }
  });

  const failing = { "fail.js": `export default () => { console.log("seen"); throw new Error("no"); }` };
  /** With at least so many records: they come in batches, some later than the answer. */
  const failed = async (
    server: TestServer,
    id: string,
    recordCount: number,
  ): Promise<{ readonly id: string; readonly records: Entry[] }> => {
    const answer = await server.get("/fail", { headers: { "x-request-id": id } });
    const told = answer.headers.get("x-request-id") ?? "";
    assert.equal(((await answer.json()) as { error: { requestId: string } }).error.requestId, told);
    const records = await eventually("its records are in the log", async () => {
      const found = (await server.logs("fail")).filter(({ requestId }) => requestId === told);
      return found.length >= recordCount ? found : null;
    });
    return { id: told, records };
  };

  test("keeps its caller's id in the failure's answer and in all its records", async () => {
    const server = await startServer(failing, { quiet: false });
    try {
      const { id, records } = await failed(server, "order-66:a.b", 3);
      assert.equal(id, "order-66:a.b");
      assert.deepEqual(records.map(({ message }) => message).sort(), ["Error: no", "GET /fail 500", "seen"]);
    } finally {
      await server.stop();
    }
  });

  test("gets an id of ours for one that could harm a log or a header", async () => {
    const server = await startServer(failing);
    try {
      const ids = new Set<string>();
      for (const hostile of ['a"b', "a b", "a;b", "x".repeat(129)]) {
        const { id, records } = await failed(server, hostile, 2);
        assert.match(id, /^[\w-]+$/);
        ids.add(id);
        // The error and what the function wrote; no access line with --quiet.
        assert.equal(records.length, 2);
      }
      assert.equal(ids.size, 4);
    } finally {
      await server.stop();
    }
  });

  test("carries its caller's trace into what the function fetches", async () => {
    const seen: string[] = [];
    const upstream = createHttpServer((incoming, response) => {
      seen.push(String(incoming.headers["traceparent"]));
      response.end("ok");
    });
    await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
    const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    const server = await startServer(
      { "out.js": `export default async () => new Response(await (await fetch("${origin}/")).text())` },
      { functions: { out: { allow: { fetch: [origin] } } } },
    );
    try {
      const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
      const answer = await server.get("/out", { headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } });
      assert.equal(await answer.text(), "ok");
      await server.get("/out");
      assert.match(seen[0] ?? "", new RegExp(`^00-${traceId}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`));
      assert.match(seen[1] ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    } finally {
      await server.stop();
      upstream.close();
    }
  });
});
