/** How a process says what it wants, and every way in which it may fail to. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { ProcessSettings } from "../src/config/process-settings.ts";
import { type ReadyOrder, ReadySocket } from "../src/engines/process/launch/ready.ts";
import { folder, launch, launcherOf, node, ORDER, program, python, saying, sh, tryLaunch, written } from "./support/launching.ts";
import { isRunning } from "./support/processes.ts";

const HEARING: ReadyOrder = {
  functionId: "api/tested",
  expected: "auto",
  timeoutMs: 20_000,
  port: 0,
  ownerOf: () => "unknown",
  lastErrorLines: () => "",
};

/** What is made of words that somebody says on the socket. */
async function heard(words: string, { andEnds = false, ...order }: Partial<ReadyOrder> & { andEnds?: boolean } = {}) {
  const socket = await ReadySocket.open(join(folder, "heard"));
  const ready = socket.hear({ ...HEARING, ...order }, new Promise(() => {}));
  const connection = connect(socket.path);
  if (andEnds) connection.end(words, "latin1");
  else connection.write(words, "latin1");
  const result = await ready;
  assert.ok(!result.ok);
  connection.destroy();
  socket.close();
  return result.failure;
}

async function failureOf(file: string, settings: Partial<ProcessSettings> = {}) {
  const { launched } = await launch(file, { settings });
  const ready = await launched.ready;
  assert.ok(!ready.ok);
  launched.kill();
  await launched.ended;
  return ready.failure;
}

for (const way of ["ring", "frames"] as const) {
  test(`READY ${way}/1 tells the way, how many calls, and leaves the connection open`, async () => {
    const file = saying(`READY ${way}/1 12\n`, `print("heard", connection.recv(4).decode(), flush=True)\ntime.sleep(600)`);
    const { launched, told } = await launch(file);
    const ready = await launched.ready;
    assert.ok(ready.ok);
    assert.deepEqual([ready.value.way, ready.value.concurrency], [way, 12]);
    ready.value.connection!.write("ping");
    await written(told, /heard ping/);
    launched.kill();
    assert.equal((await launched.ended).signal, "SIGKILL");
  });
}

test("what follows the READY line is the next owner's to read", async () => {
  const { launched } = await launch(saying("READY frames/1 1\nrest"));
  const ready = await launched.ready;
  assert.ok(ready.ok);
  const [chunk] = await new Promise<Buffer[]>((resolve) => ready.value.connection!.once("data", (data) => resolve([data])));
  assert.equal(String(chunk), "rest");
  launched.kill();
});

test("a READY alone is Aetherless's: called by HTTP once its port is open, however late that is", async () => {
  const file = python(`import os, socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(os.environ["AETHER_SOCKET"])
connection.sendall(b"READY")
connection.close()
sys.stdin.read()
server = socket.create_server(("127.0.0.1", int(os.environ["AETHER_TRIGGER_PORT"])))
while True: server.accept()`);
  const { launched } = await launch(file);
  const ready = await launched.ready;
  assert.deepEqual(ready, { ok: true, value: { way: "http", connection: null, concurrency: null } });
  assert.ok(launched.port > 0);
  launched.kill();
});

test("a program that listens on its port needs no READY, and may still say it", async () => {
  const file = node(`const http = require("node:http"), net = require("node:net");
http.createServer((request, response) => response.end("hello")).listen(process.env.PORT, "127.0.0.1");
process.stdin.resume();
setTimeout(() => net.connect(process.env.AETHER_SOCKET, function () { this.end("READY"); console.log("said"); }).on("error", (error) => console.log(error.code)), 300);`);
  const { launched, told } = await launch(file);
  const ready = await launched.ready;
  assert.ok(ready.ok);
  assert.equal(ready.value.way, "http");
  assert.equal(await (await fetch(`http://127.0.0.1:${launched.port}/`)).text(), "hello");
  await written(told, /^said$/);
  launched.kill();
});

test("somebody else on its port is not taken for the function", async () => {
  const squatter = createServer();
  const file = sh("sleep 600");
  const { launched } = await launch(file);
  await new Promise<void>((resolve) => squatter.listen(launched.port, "127.0.0.1", resolve));
  const ready = await launched.ready;
  squatter.close();
  assert.ok(!ready.ok);
  assert.equal(ready.failure.code, "BAD_READY");
  assert.match(ready.failure.message, new RegExp(`port ${launched.port}.*taken by another program`));
  launched.kill();
});

test("no READY at all is a time-out that names what was waited for", async () => {
  const failure = await failureOf(sh("echo loading >&2; sleep 600"), { readyTimeoutMs: 300 });
  assert.equal(failure.code, "READY_TIMEOUT");
  assert.match(failure.message, /^Cannot start api\/tested: it has not said READY, nor listened on its port \d+ \(PORT\) within 300ms/);
  assert.match(failure.message, /last lines of its standard error:\nloading$/);
});

test("a READY that comes too late is nobody's, and does no harm", async () => {
  const { launched, told } = await launch(
    python(`import os, socket, sys, time
connection = socket.socket(socket.AF_UNIX)
connection.connect(os.environ["PILOTLIGHT_SOCKET"])
try:
    while connection.recv(1): pass
    connection.sendall(b"READY frames/1 1\\n")
except OSError as error: print(type(error).__name__, flush=True)
time.sleep(600)`),
    { settings: { readyTimeoutMs: 200, call: "frames" } },
  );
  const ready = await launched.ready;
  assert.ok(!ready.ok);
  assert.equal(ready.failure.code, "READY_TIMEOUT");
  await written(told, /BrokenPipeError|ConnectionResetError/);
  launched.kill();
  await launched.ended;
});

test("half a word is shown, at the time-out and at the end of the connection", async () => {
  const late = await heard("REA", { timeoutMs: 100 });
  assert.equal(late.code, "READY_TIMEOUT");
  assert.match(late.message, /it said only "REA"/);
  const closed = await heard("READY fra", { andEnds: true });
  assert.equal(closed.code, "BAD_READY");
  assert.match(closed.message, /closed its connection; it said only "READY fra"/);
  assert.match((await heard("", { andEnds: true })).message, /closed its connection without a word/);
});

test("garbage is an error at once, and shown", async () => {
  for (const [words, shown] of [
    ["HELLO", /it said "HELLO" on its socket/],
    ["READY\n", /it said "READY\\n"/],
    ["READYx", /it said "READYx"/],
    ["READY frames/2 1\n", /wants version 2 of frames/],
    ["READY frames/1 0\n", /takes 0 calls/],
    ["READY frames/1 65536\n", /takes 65536 calls/],
    [`READY ${"x".repeat(100)}`, /bytes more on its socket/],
    ["\x16\x03\x01\x00", /it said "\\u0016\\u0003/],
  ] as const) {
    const failure = await heard(words);
    assert.equal(failure.code, "BAD_READY", words);
    assert.match(failure.message, shown);
  }
});

test("words that come one byte at a time are heard as one", async () => {
  const socket = await ReadySocket.open(join(folder, "bytes"));
  const ready = socket.hear(HEARING, new Promise(() => {}));
  const connection = connect(socket.path);
  for (const byte of "READY ring/1 3\n") await new Promise((resolve) => connection.write(byte, resolve));
  const result = await ready;
  assert.ok(result.ok);
  assert.equal(result.value.concurrency, 3);
  result.value.connection!.destroy();
  connection.destroy();
});

test("a way that its settings rule out is refused with both", async () => {
  assert.match(
    (await heard("READY frames/1 1\n", { expected: "ring" })).message,
    /wants to be called by frames, and its settings say call: ring/,
  );
  assert.match((await heard("READY", { expected: "frames" })).message, /wants to be called by http, and its settings say call: frames/);
  assert.match((await heard("READY fork/1\n")).message, /was not to be one/);
  assert.match((await heard("READY frames/1 1\n", { expected: "fork" })).message, /was to be a fork server/);
  assert.match((await heard("READY snapshot/1\n")).message, /nobody was to take one/);
  assert.match((await heard("READY frames/1 1\n", { expected: "template" })).message, /its client knows nothing of snapshots/);
  assert.match((await heard("READY", { expected: "auto" })).message, /has no port to listen on/);
});

test("a process that ends at once is told at once, with what it said last", async () => {
  const failure = await failureOf(sh("echo one >&2; echo no module named x >&2; exit 3"));
  assert.equal(failure.code, "ENDED_EARLY");
  assert.match(failure.message, /it ended before READY: exit code 3\nThe last lines of its standard error:\none\nno module named x$/);
});

test("one whose socket was removed is told what became of it", async () => {
  const { launched } = await launch(sh('rm "$PILOTLIGHT_SOCKET"; sleep 600'), { settings: { readyTimeoutMs: 500 } });
  const ready = await launched.ready;
  assert.ok(!ready.ok);
  assert.equal(ready.failure.code, "READY_TIMEOUT");
  assert.match(ready.failure.message, /its socket \S+ was removed by somebody/);
  launched.kill();
  await launched.ended;
});

test("only the first connection counts", async () => {
  const file = saying(
    "READY frames/1 1\n",
    `
second = socket.socket(socket.AF_UNIX)
try:
    second.connect(os.environ["PILOTLIGHT_SOCKET"])
    print("read", second.recv(1), flush=True)
except OSError as error: print("refused", type(error).__name__, flush=True)
time.sleep(600)`,
  );
  const { launched, told } = await launch(file);
  assert.ok((await launched.ready).ok);
  await written(told, /^refused |^read b''$/);
  launched.kill();
});

test("what can't be executed is refused before anything is started", async () => {
  const cases: [string, string, RegExp][] = [
    [join(folder, "absent"), "NOT_EXECUTABLE", /there is no file/],
    [program("#!/bin/sh\n", 0o644), "NOT_EXECUTABLE", /is not executable; chmod \+x/],
    [folder, "NOT_EXECUTABLE", /is no regular file/],
    [program(""), "NOT_EXECUTABLE", /is empty/],
    [program("#!/usr/bin/env no-such-ruby\nputs 1\n"), "NO_INTERPRETER", /wants no-such-ruby, and there is none in PATH/],
    [program("#!/opt/none/bin/perl -w\n"), "NO_INTERPRETER", /wants \/opt\/none\/bin\/perl, which is not there/],
    [program("#!/bin/sh\r\necho\r\n"), "NO_INTERPRETER", /carriage return/],
  ];
  for (const [file, code, message] of cases) {
    const result = await tryLaunch(file);
    assert.ok(!result.ok);
    assert.equal(result.failure.code, code);
    assert.match(result.failure.message, message);
    assert.match(result.failure.message, /^Cannot start api\/tested: /);
  }
});

test("a command is found in PATH, with its place for the file; one that is missing is named", async () => {
  const file = program("print('from', __file__)", 0o644);
  const { launched, told } = await launch(file, { settings: { command: ["python3", "-u", "{file}"] } });
  assert.equal((await launched.ended).code, 0);
  assert.deepEqual(told.lines, [{ output: "stdout", text: `from ${file}` }]);
  const missing = await tryLaunch(file, { settings: { command: ["no-such-python", "{file}"] } });
  assert.ok(!missing.ok);
  assert.equal(missing.failure.code, "NO_INTERPRETER");
  assert.match(missing.failure.message, /there is no program no-such-python in PATH/);
});

test("a file that is replaced while it runs changes the next start alone", async () => {
  const file = saying("READY frames/1 1\n", 'print("old", connection.recv(1), flush=True)\ntime.sleep(600)');
  const { launcher, told } = launcherOf(file);
  const first = await launcher.launch(ORDER);
  assert.ok(first.ok);
  const ready = await first.value.ready;
  assert.ok(ready.ok);
  rmSync(file);
  const second = await launcher.launch(ORDER);
  assert.ok(!second.ok);
  assert.equal(second.failure.code, "NOT_EXECUTABLE");
  ready.value.connection!.write("x");
  await written(told, /^old b'x'$/);
  first.value.kill();
  await first.value.ended;
});

test("what a start that failed had made is given back", async () => {
  const { launcher } = launcherOf(join(folder, "absent"));
  const before = readdirSync("/proc/self/fd").length;
  for (let count = 0; count < 5; count++) assert.ok(!(await launcher.launch({ ...ORDER, withRing: true, ownsStdio: true })).ok);
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(readdirSync("/proc/self/fd").length <= before + 1, "descriptors were left");
});

test("its socket and everything else of it is gone when it has ended", async () => {
  const { launched } = await launch(saying("READY ring/1 1\n"), {}, { withRing: true });
  const ready = await launched.ready;
  assert.ok(ready.ok);
  const { pid, ring } = launched;
  assert.ok(isRunning(pid));
  assert.ok(ring !== null);
  launched.kill();
  await launched.ended;
  assert.ok(!isRunning(pid));
  assert.ok(!existsSync(`/proc/self/fd/${ring.fd}`), "the ring's memory was left");
});
