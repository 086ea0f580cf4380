/**
 * Forwarding: a listener in front, Node's own HTTP server on a unix socket
 * behind, as an independent witness of what arrives.
 */
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { fetch } from "undici";
import type { Exchange } from "../src/http/exchange.ts";
import { forward } from "../src/http/forward.ts";
import { answers, say, serve, statusOf, until } from "./support/http.ts";

async function relay(worker: (request: IncomingMessage, response: ServerResponse) => void, prepare = (_exchange: Exchange): void => {}) {
  const socketPath = join(mkdtempSync(join(tmpdir(), "pilotlight-forward-")), "s");
  const behind = createServer(worker);
  await new Promise<void>((resolve) => behind.listen(socketPath, resolve));
  const failures: string[] = [];
  const front = await serve((exchange) => {
    prepare(exchange);
    forward(exchange, socketPath, { onFailure: (error) => failures.push(error.message) });
  });
  return {
    port: front.port,
    url: `http://127.0.0.1:${front.port}`,
    behind,
    failures,
    async [Symbol.asyncDispose]() {
      await front.listener.drain(0);
      behind.closeAllConnections();
      behind.close();
    },
  };
}

test("method, target, headers and body arrive, and status, headers and body come back", async () => {
  await using pair = await relay((request, response) => {
    let body = "";
    request.on("data", (bytes: Buffer) => {
      body += bytes.toString();
    });
    request.on("end", () => {
      response.writeHead(201, { "X-From": "worker", "Set-Cookie": ["a=1", "b=2"] });
      response.end(
        JSON.stringify({ method: request.method, url: request.url, one: request.headers["x-one"], host: request.headers.host, body }),
      );
    });
  });
  const answer = await fetch(`${pair.url}/p?q=1`, { method: "PUT", headers: { "X-One": "1" }, body: "hello" });
  assert.equal(answer.status, 201);
  assert.equal(answer.headers.get("x-from"), "worker");
  assert.deepEqual(answer.headers.getSetCookie(), ["a=1", "b=2"]);
  assert.deepEqual(await answer.json(), { method: "PUT", url: "/p?q=1", one: "1", host: new URL(pair.url).host, body: "hello" });
});

test("hop-by-hop headers stop here", async () => {
  let seen: IncomingMessage["headers"] = {};
  await using pair = await relay((request, response) => {
    seen = request.headers;
    response.end("ok");
  });
  const lines = "TE: trailers\r\nConnection: X-Private, keep-alive\r\nX-Private: 1\r\nX-Kept: yes\r\n";
  await say(pair.port, [`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`], answers(1));
  assert.equal(seen["x-kept"], "yes");
  for (const name of ["te", "x-private"]) assert.equal(seen[name], undefined, name);
});

test("why a worker answered in its function's place is told to who keeps it, and to no client", async () => {
  const told: Promise<string>[] = [];
  const keep = (exchange: Exchange): void => {
    exchange.tellReason = (reason) => {
      told.push(reason);
      return null;
    };
  };
  const worker = (_: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(500, { "X-Pilotlight-Reason": "it%20trapped%0A%20%20at%20inner", "X-Kept": "yes" }).end("sorry");
  };
  for (const prepare of [keep, () => {}]) {
    await using pair = await relay(worker, prepare);
    const answer = await fetch(pair.url);
    assert.deepEqual([answer.status, answer.headers.get("x-kept"), await answer.text()], [500, "yes", "sorry"]);
    assert.equal(answer.headers.get("x-pilotlight-reason"), null);
  }
  assert.deepEqual(await Promise.all(told), ["it trapped\n  at inner"]);
});

test("HEAD, 204 and an empty POST pass through in their own framing", async () => {
  const lengths: (string | undefined)[] = [];
  await using pair = await relay((request, response) => {
    lengths.push(request.headers["content-length"]);
    response.statusCode = request.url === "/204" ? 204 : 200;
    response.setHeader("content-length", "5");
    if (request.url === "/204") response.removeHeader("content-length");
    response.end(request.url === "/204" ? undefined : "hello");
  });
  const head = await fetch(`${pair.url}/`, { method: "HEAD" });
  assert.equal(head.headers.get("content-length"), "5");
  assert.equal((await fetch(`${pair.url}/204`)).status, 204);
  assert.equal(await (await fetch(`${pair.url}/`, { method: "POST" })).text(), "hello");
  assert.equal(lengths[2], "0");
});

test("large bodies flow both ways with back-pressure", async () => {
  await using pair = await relay((request, response) => void request.pipe(response));
  const body = Buffer.alloc(900_000, "0123456789");
  const fixed = await fetch(pair.url, { method: "POST", body });
  assert.ok(Buffer.from(await fixed.arrayBuffer()).equals(body));
  const stream = new ReadableStream({
    start(controller) {
      for (let at = 0; at < body.length; at += 50_000) controller.enqueue(body.subarray(at, at + 50_000));
      controller.close();
    },
  });
  const chunked = await fetch(pair.url, { method: "POST", body: stream, duplex: "half" });
  assert.ok(Buffer.from(await chunked.arrayBuffer()).equals(body));
});

test("a worker that is not there is a 502 that says so", async () => {
  const front = await serve((exchange) => forward(exchange, join(tmpdir(), "pilotlight-nobody-here"), {}));
  const { text } = await say(front.port, ["GET / HTTP/1.1\r\nHost: a\r\n\r\n"], answers(1));
  assert.equal(statusOf(text), 502);
  assert.match(text, /FUNCTION_WORKER_DIED/);
  assert.match(text, /\r\nretry-after: 1\r\n/);
  await front.listener.drain(0);
});

test("an answer may have as many header lines as a function may set", async () => {
  const cookie = `${"x".repeat(4_000)}=1`;
  await using pair = await relay((_request, response) => {
    response.writeHead(200, { "set-cookie": Array.from({ length: 60 }, () => cookie) });
    response.end("ok");
  });
  const { text } = await say(pair.port, ["GET / HTTP/1.1\r\nHost: a\r\n\r\n"], answers(1));
  assert.equal(statusOf(text), 200);
  assert.equal(text.split(cookie).length - 1, 60);
  assert.deepEqual(pair.failures, []);
});

test("a request that found no worker can be sent again whole, its streamed body too", async () => {
  const socketPath = join(mkdtempSync(join(tmpdir(), "pilotlight-forward-")), "s");
  const behind = createServer((request, response) => void request.pipe(response));
  const front = await serve((exchange) =>
    forward(exchange, socketPath, { onUnsent: () => behind.listen(socketPath, () => forward(exchange, socketPath, {})) }),
  );
  const body = new ReadableStream({
    start(controller) {
      for (const part of ["one ", "two ", "three"]) controller.enqueue(new TextEncoder().encode(part));
      controller.close();
    },
  });
  const answer = await fetch(`http://127.0.0.1:${front.port}`, { method: "POST", body, duplex: "half" });
  assert.equal(await answer.text(), "one two three");
  await front.listener.drain(0);
  behind.closeAllConnections();
  behind.close();
});

test("a worker that dies before its head is a 502, after it a broken transfer", async () => {
  await using pair = await relay((request, response) => {
    if (request.url === "/late") response.write("partial");
    setTimeout(() => request.socket.destroy(), 20);
  });
  const early = await fetch(`${pair.url}/early`);
  assert.equal(early.status, 502);
  const late = await fetch(`${pair.url}/late`);
  assert.equal(late.status, 200);
  await assert.rejects(late.text());
  assert.equal(pair.failures.length, 2);
});

test("a client that leaves takes the relayed request with it", async () => {
  let closed = false;
  let arrived = false;
  await using pair = await relay((_request, response) => {
    arrived = true;
    response.on("close", () => {
      closed = true;
    });
  });
  const socket = connect(pair.port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  await until(() => arrived, "the request reaches the worker");
  socket.destroy();
  await until(() => closed, "the worker sees the client leave");
});

test("connections to the worker are kept for the next request", async () => {
  let connections = 0;
  await using pair = await relay((_request, response) => void response.end("ok"));
  pair.behind.on("connection", () => connections++);
  for (let i = 0; i < 5; i++) assert.equal(await (await fetch(pair.url)).text(), "ok");
  assert.equal(connections, 1);
});
