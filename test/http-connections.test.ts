/**
 * Connections as a whole: how many there may be, how they come in (TCP, a unix
 * socket, another process), how draining ends them.
 */
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { Agent, request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import type { Exchange } from "../src/http/exchange.ts";
import { createListener } from "../src/http/listener.ts";
import { answers, echo, LIMITS, say, serve, statusOf, until } from "./support/http.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

test("connections over the limit are answered 503 with Retry-After", async () => {
  await using server = await serve(echo, { connectionMaxCount: 2 });
  const idle = [connect(server.port, "127.0.0.1"), connect(server.port, "127.0.0.1")];
  await until(() => server.listener.counters.connectionsOpen === 2, "two connections");
  const { text, closed } = await say(server.port, [GET]);
  assert.equal(statusOf(text), 503);
  assert.match(text, /\r\nretry-after: 1\r\n/);
  assert.equal(closed, true);
  for (const socket of idle) socket.destroy();
  await until(() => server.listener.counters.connectionsOpen === 0, "the places are free again");
  assert.equal(statusOf((await say(server.port, [GET], answers(1))).text), 200);
});

test("draining finishes answers under way, closes idle connections and refuses new ones", async () => {
  let slow: Exchange | null = null;
  const server = await serve((exchange) => {
    if (exchange.target === "/slow") slow = exchange;
    else exchange.respond(200, "", "quick");
  });
  const idle = say(server.port, [GET]);
  const busy = say(server.port, ["GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"]);
  await until(() => slow !== null && server.requestCount === 2, "both requests");
  const drained = server.listener.drain(10_000);
  assert.equal((await idle).closed, true);
  (slow as unknown as Exchange).respond(200, "", "at last");
  const { text } = await busy;
  assert.match(text, /\r\nconnection: close\r\n.*at last$/s);
  await drained;
  assert.equal((await say(server.port, [GET])).text, "");
});

test("draining destroys what is left after its grace", async () => {
  let aborted = false;
  const server = await serve((exchange) => {
    exchange.onAbort = () => {
      aborted = true;
    };
  });
  const stuck = say(server.port, [GET]);
  await until(() => server.requestCount === 1, "the request");
  await server.listener.drain(50);
  assert.equal((await stuck).closed, true);
  await until(() => aborted, "the abort");
});

test("a port in use is refused when the bind is exclusive", async () => {
  await using server = await serve(echo);
  const second = createListener({ limits: LIMITS, tls: null, onExchange: echo });
  await assert.rejects(second.listenTcp({ host: "127.0.0.1", port: server.port }), { code: "EADDRINUSE" });
});

test("a unix socket serves, and a stale file in its place is replaced", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "pilotlight-http-")), "s");
  for (let round = 0; round < 2; round++) {
    const listener = createListener({ limits: LIMITS, tls: null, onExchange: echo });
    await listener.listenUnix(path);
    const { status, body } = await ask({ socketPath: path, path: "/over-unix", agent: false });
    assert.equal(status, 200);
    assert.equal((JSON.parse(body) as { target: string }).target, "/over-unix");
    await listener.drain(100);
  }
});

test("a connection that another process accepted is served", async () => {
  const listener = createListener({ limits: LIMITS, tls: null, onExchange: echo });
  listener.prepareToAdopt();
  const acceptor = createServer({ pauseOnConnect: true }, (socket) => listener.adopt(socket));
  await new Promise<void>((resolve) => acceptor.listen(0, "127.0.0.1", resolve));
  const { text } = await say((acceptor.address() as AddressInfo).port, [GET], answers(1));
  assert.equal(statusOf(text), 200);
  acceptor.close();
  await listener.drain(0);
});

test("Node's own client keeps one connection for many requests", async () => {
  await using server = await serve(echo);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let i = 0; i < 20; i++) {
    const { status } = await ask({ port: server.port, host: "127.0.0.1", path: `/${i % 3}`, agent });
    assert.equal(status, 200);
  }
  assert.equal(server.listener.counters.connectionsTotal, 1);
  agent.destroy();
});

function ask(options: RequestOptions): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(options, (response: IncomingMessage) => {
      let body = "";
      response.on("data", (bytes: Buffer) => {
        body += bytes.toString();
      });
      response.on("end", () => resolve({ status: response.statusCode as number, body }));
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}
