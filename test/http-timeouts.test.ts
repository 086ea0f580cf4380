/**
 * Slow and silent clients: each is told or closed at its limit, holds nobody
 * else up, and thousands of idle ones cost next to nothing.
 */
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import test from "node:test";
import type { Exchange } from "../src/http/exchange.ts";
import { answers, echo, say, serve, statusOf, until } from "./support/http.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

test("a head that trickles in is answered 408 at its limit, while others are served", async () => {
  await using server = await serve(echo, { headerTimeoutMs: 300 });
  const socket = connect(server.port, "127.0.0.1");
  let text = "";
  socket.on("data", (bytes: Buffer) => {
    text += bytes.toString("latin1");
  });
  socket.on("error", () => {});
  socket.write("GET / HTTP/1.1\r\n");
  const trickle = setInterval(() => socket.write("X: y\r\n"), 40);
  const other = await say(server.port, [GET], answers(1));
  assert.equal(statusOf(other.text), 200);
  await until(() => text !== "", "the 408");
  clearInterval(trickle);
  socket.destroy();
  assert.equal(statusOf(text), 408);
  assert.match(text, /HEADERS_TIMEOUT/);
});

test("a body that stops coming is answered 408 and rejects its reader", async () => {
  const codes: string[] = [];
  await using server = await serve(
    (exchange) => {
      exchange.body.readAll().catch((error: { code: string }) => codes.push(error.code));
    },
    { idleTransferTimeoutMs: 200 },
  );
  const { text } = await say(server.port, ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"]);
  assert.equal(statusOf(text), 408);
  assert.match(text, /BODY_TIMEOUT/);
  await until(() => codes.length > 0, "the rejection");
  assert.deepEqual(codes, ["BODY_TIMEOUT"]);
});

test("a function that takes longer than every limit is not the client's fault", async () => {
  await using server = await serve((exchange) => void setTimeout(() => exchange.respond(200, "", "late"), 500), {
    headerTimeoutMs: 100,
    idleTransferTimeoutMs: 100,
    keepAliveTimeoutMs: 100,
  });
  const { text } = await say(server.port, [GET], answers(1));
  assert.match(text, /late$/);
});

test("an idle connection is closed without a word", async () => {
  await using server = await serve(echo, { keepAliveTimeoutMs: 150 });
  const silent = await say(server.port, []);
  assert.deepEqual(silent, { text: "", closed: true });
  const kept = await say(server.port, [GET]);
  assert.equal(statusOf(kept.text), 200);
  assert.equal(kept.text.split("HTTP/1.1").length, 2);
});

test("a client that takes nothing of its answer is cut off", async () => {
  let exchange: Exchange | null = null;
  await using server = await serve(
    (asked) => {
      exchange = asked;
      const fill = () => {
        while (asked.write(Buffer.alloc(256 * 1024)));
      };
      asked.onDrain = fill;
      asked.start(200, "", null);
      fill();
    },
    { idleTransferTimeoutMs: 200 },
  );
  const socket = connect(server.port, "127.0.0.1", () => socket.write(GET));
  socket.on("error", () => {});
  await until(() => (exchange as Exchange | null)?.aborted === true, "the slow reader is cut off");
  await until(() => server.listener.counters.connectionsOpen === 0, "its connection is gone");
  socket.destroy();
});

test("a slow but steady reader of one large answer is not cut off", async () => {
  const large = Buffer.alloc(24 * 1024 * 1024, 1);
  await using server = await serve((exchange) => exchange.respond(200, "", large), { idleTransferTimeoutMs: 250 });
  const received = await new Promise<number>((resolve) => {
    let bytes = 0;
    const socket: Socket = connect(server.port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    socket.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      socket.pause();
      setTimeout(() => socket.resume(), 2);
    });
    socket.on("close", () => resolve(bytes));
    socket.on("error", () => {});
  });
  assert.ok(received > large.length, `${received} of ${large.length} bytes came`);
});

test("five thousand idle connections are held at a few kilobytes each, and the next request is served", async () => {
  const count = 5_000;
  await using server = await serve(echo, { connectionMaxCount: count + 10, keepAliveTimeoutMs: 60_000 });
  const sockets: Socket[] = [];
  const before = process.memoryUsage().rss;
  for (let i = 0; i < count; i++) {
    const socket = connect(server.port, "127.0.0.1");
    socket.on("error", () => {});
    sockets.push(socket);
    if (i % 250 === 249) await until(() => server.listener.counters.connectionsOpen > i, `connection ${i}`, 30_000);
  }
  assert.equal(server.listener.counters.connectionsOpen, count);
  assert.equal(statusOf((await say(server.port, [GET], answers(1))).text), 200);
  // Both ends live in this process: an upper bound of what the server's end takes.
  const bytesEach = (process.memoryUsage().rss - before) / count;
  assert.ok(bytesEach < 40 * 1024, `${Math.round(bytesEach / 1024)} KiB for both ends of a connection`);
  for (const socket of sockets) socket.destroy();
  await until(() => server.listener.counters.connectionsOpen === 0, "all are gone", 30_000);
});
