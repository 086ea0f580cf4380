/**
 * Files that the kernel sends: every byte in its place whatever the client does,
 * and what can't be sent so is left to whoever reads and writes.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Exchange } from "../src/http/exchange.ts";
import { kernelFile } from "../src/http/kernel-file.ts";
import { serve, until } from "./support/http.ts";

const skip = kernelFile() === null && "this system's kernel is not asked";
const folder = mkdtempSync(join(tmpdir(), "pilotlight-send-"));
after(() => rmSync(folder, { recursive: true }));

const SIZE = 5_000_003;
const bytes = randomBytes(SIZE);
const fd = opened("whole", bytes);
after(() => closeSync(fd));

function opened(name: string, content: Uint8Array): number {
  const file = join(folder, name);
  writeFileSync(file, content);
  return openSync(file, "r+");
}

/** Of one request; what it came to by the kernel. */
async function send(exchange: Exchange, from: number, start: number, end: number): Promise<number | null> {
  exchange.start(200, "content-type: application/octet-stream\r\n", end - start);
  const sending = exchange.sendFile(from, start, end);
  if (sending === null) return null;
  const reached = await sending;
  exchange.end();
  return reached;
}

/** The connection's bytes, once there are as many or it has closed. */
function receive(port: number, text: string, count: number): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    const done = (): void => {
      socket.destroy();
      resolve(Buffer.concat(chunks));
    };
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= count) done();
    });
    socket.on("close", done);
    socket.on("error", () => {});
  });
}

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

function bodyOf(answer: Buffer): Buffer {
  return answer.subarray(answer.indexOf("\r\n\r\n") + 4);
}

test("every byte of a file arrives, whole or from the middle", { skip }, async () => {
  for (const [start, end] of [
    [0, SIZE],
    [1, 2],
    [4_095, 1_048_577 + 4_095],
    [SIZE - 1, SIZE],
  ] as const) {
    const reached: (number | null)[] = [];
    await using server = await serve((exchange) => void send(exchange, fd, start, end).then((at) => reached.push(at)));
    const answer = await receive(server.port, GET, end - start + 100);
    assert.ok(bodyOf(answer).equals(bytes.subarray(start, end)), `${start} to ${end}`);
    assert.deepEqual(reached, [end]);
  }
});

test("answers on one connection follow each other, by the kernel or not", { skip }, async () => {
  let count = 0;
  const finished: number[] = [];
  await using server = await serve((exchange) => {
    exchange.onFinished = (_status, bodyBytes) => finished.push(bodyBytes);
    if (count++ % 2 === 0) void send(exchange, fd, 0, 100_000);
    else exchange.respond(200, "", "between");
  });
  const last = `${GET.slice(0, -2)}Connection: close\r\n\r\n`;
  const answer = (await receive(server.port, GET.repeat(3) + last, Number.POSITIVE_INFINITY)).toString("latin1");
  const file = bytes.subarray(0, 100_000).toString("latin1");
  assert.deepEqual(
    answer.split("HTTP/1.1 200 OK\r\n").map((one) => one.split("\r\n\r\n").slice(1).join("\r\n\r\n")),
    ["", file, "between", file, "between"],
  );
  assert.deepEqual(finished, [100_000, 7, 100_000, 7]);
});

test("a client that reads slowly gets every byte", { skip }, async () => {
  await using server = await serve((exchange) => void send(exchange, fd, 0, SIZE));
  const answer = await new Promise<Buffer>((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(server.port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      socket.pause();
      setTimeout(() => socket.resume(), 1);
    });
    socket.on("close", () => resolve(Buffer.concat(chunks)));
  });
  assert.ok(bodyOf(answer).equals(bytes));
});

test("a client that takes nothing of a file is cut off, one that leaves ends the sending", { skip }, async () => {
  const large = opened("large", Buffer.alloc(64 * 1024 * 1024));
  const reached: (number | null)[] = [];
  const takers: Exchange[] = [];
  await using server = await serve(
    (exchange) => {
      takers.push(exchange);
      void send(exchange, large, 0, 64 * 1024 * 1024).then((at) => reached.push(at));
    },
    { idleTransferTimeoutMs: 200 },
  );
  const silent = connect(server.port, "127.0.0.1", () => silent.write(GET));
  silent.pause();
  silent.on("error", () => {});
  await until(() => takers[0]?.aborted === true, "the client that reads nothing is cut off");
  await until(() => reached.length === 1, "its sending ends");
  silent.destroy();
  const leaver = connect(server.port, "127.0.0.1", () => leaver.write(GET));
  leaver.once("data", () => leaver.destroy());
  await until(() => reached.length === 2, "the sending to the client that left ends");
  assert.ok(reached.every((at) => at !== null && at < 64 * 1024 * 1024));
  closeSync(large);
});

test("a file that has become shorter is left where its bytes end", { skip }, async () => {
  const shrunk = opened("shrunk", bytes);
  ftruncateSync(shrunk, 1_000_000);
  const reached: (number | null)[] = [];
  await using server = await serve((exchange) => void send(exchange, shrunk, 0, SIZE).then((at) => reached.push(at)));
  await receive(server.port, GET, SIZE);
  assert.equal(reached.length, 1);
  assert.ok(reached[0]! <= 1_000_000);
  closeSync(shrunk);
});

test("a length that was not declared is not sent by the kernel", { skip }, async () => {
  await using server = await serve((exchange) => {
    exchange.start(200, "", null);
    assert.equal(exchange.sendFile(fd, 0, SIZE), null);
    exchange.write(Buffer.from("read instead"));
    exchange.end();
  });
  assert.match((await receive(server.port, `${GET.slice(0, -2)}Connection: close\r\n\r\n`, SIZE)).toString(), /read instead/);
});
