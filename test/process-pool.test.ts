/**
 * The pool with real processes: calls while instances are killed, programs that
 * nobody has said anything about, and those that don't do as they are asked.
 */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { ProcessSettings } from "../src/config/process-settings.ts";
import type { Sandbox } from "../src/engines/engine.ts";
import type { LaunchedProcess } from "../src/engines/process/launch/launched.ts";
import type { ProcessTemplate } from "../src/engines/process/process-engine.ts";
import { type CountedCall, countedCall } from "./support/counted-call.ts";
import { type FakeAnswer, type FakeRequest, fakeCall } from "./support/fake-exchange.ts";
import { makeProcessEngine, processSource } from "./support/process-subject.ts";

const CLIENT = join(import.meta.dirname, "../guest/process/pilotlight.mjs");
const folder = mkdtempSync(join(tmpdir(), "pilotlight-pool-"));
const logs: { level: string; message: string }[] = [];
const launched: LaunchedProcess[] = [];
const engine = makeProcessEngine({ logs, launched });
after(() => {
  engine.close();
  rmSync(folder, { recursive: true, force: true });
});

let programCount = 0;

/** An executable with this text. */
function program(firstLine: string, text: string): string {
  const file = join(folder, `program-${++programCount}`);
  writeFileSync(file, `#!${firstLine}\n${text}`);
  chmodSync(file, 0o755);
  return file;
}

/** A Node function with our client; `handler` is an expression. */
function nodeFunction(handler: string, concurrency = 1): string {
  return program(
    process.execPath,
    `(async () => { const { serve } = await import(${JSON.stringify(CLIENT)}); serve(${handler}, { concurrency: ${concurrency} }); })();`,
  );
}

interface Opened {
  readonly template: ProcessTemplate;
  readonly sandbox: Sandbox;
}

async function open(file: string, settings: Partial<ProcessSettings> = {}, limits: { timeoutMs?: number } = {}): Promise<Opened> {
  const template = await engine.prepare(processSource(file, { process: settings, ...limits }));
  return { template, sandbox: await template.open() };
}

function ask(sandbox: Sandbox, request?: FakeRequest): Promise<FakeAnswer> {
  const { call, answer } = fakeCall(request);
  sandbox.invoke(call);
  return answer;
}

test("thousands of calls end once each while their instances are killed, and what may not be repeated is done at most once", async () => {
  const callCount = 10_000;
  const doneFile = join(folder, "done");
  writeFileSync(doneFile, "");
  const handler = `(request) => {
    require("node:fs").appendFileSync(${JSON.stringify(doneFile)}, request.target + "\\n");
    return "done";
  }`;
  const { sandbox, template } = await open(nodeFunction(handler, 8), { call: "frames", instanceMax: 3, concurrency: 8, queueMax: 10_000 });
  const calls: CountedCall[] = [];
  const idempotent = (number: number): boolean => number % 3 !== 0;
  const sent = new Set<string>();
  const living = new Set<LaunchedProcess>();
  const ends: Promise<unknown>[] = [];
  let killCount = 0;
  const killTheOldest = (): void => {
    for (const one of launched.splice(0)) {
      living.add(one);
      void one.ended.then(() => living.delete(one));
    }
    const [oldest] = living;
    if (oldest === undefined) return;
    living.delete(oldest);
    killCount++;
    ends.push(oldest.ended);
    oldest.kill();
  };
  let next = 0;
  const client = async (): Promise<void> => {
    for (let number = next++; number < callCount; number = next++) {
      const target = `/${number}`;
      sent.add(target);
      const { promise: ended, resolve } = Promise.withResolvers<void>();
      const counted = countedCall(number, { method: idempotent(number) ? "GET" : "POST", isBodyWhole: true, target }, resolve);
      calls.push(counted);
      sandbox.invoke(counted.call);
      if (number % 700 === 699) killTheOldest();
      await ended;
    }
  };
  await Promise.all(Array.from({ length: 40 }, client));
  const done = readFileSync(doneFile, "utf8").trim().split("\n");
  const timesOf = Map.groupBy(done, (target) => target);
  for (const [target, times] of timesOf) {
    assert.ok(sent.has(target));
    assert.ok(times.length <= (idempotent(Number(target.slice(1))) ? 3 : 1), `${target} was done ${times.length} times`);
  }
  assert.equal(calls.length, callCount);
  assert.deepEqual([...new Set(calls.map(({ ends }) => ends.length))], [1]);
  const answeredCount = calls.filter(({ ends }) => ends[0] === "answered").length;
  assert.ok(answeredCount > callCount * 0.8, `${answeredCount} of ${callCount} calls were answered`);
  const endings = new Set(calls.map(({ ends }) => ends[0]));
  assert.ok(endings.isSubsetOf(new Set(["answered", "SANDBOX_LOST", "LOAD_FAILED"])), [...endings].join());
  await Promise.all(ends);
  const { restarts, failedStarts, resentCalls } = template.processMetrics();
  assert.ok(
    killCount >= 5 && restarts + failedStarts >= killCount,
    `${killCount} kills, ${restarts} restarts, ${failedStarts} failed starts`,
  );
  assert.ok(resentCalls > 0);
  assert.equal(sandbox.busyCount, 0);
  sandbox.close();
});

test("an existing HTTP program runs unchanged: its first call finds out how it is called, and what it prints is its log", async () => {
  const file = program(
    process.execPath,
    `const server = require("node:http").createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => (body += chunk));
      request.on("end", () => response.end(request.method + " " + request.url + " " + body));
    });
    console.log("about to listen");
    server.listen(process.env.PORT, "127.0.0.1", () => console.log("listening"));`,
  );
  const { sandbox, template } = await open(file);
  const first = await ask(sandbox, { method: "POST", target: "/orders?x=1", body: "three apples", chunkBytes: 4 });
  assert.deepEqual([first.status, first.body.toString()], [200, "POST /orders?x=1 three apples"]);
  assert.equal((await ask(sandbox, { target: "/again" })).body.toString(), "GET /again ");
  const { way, starts } = template.processMetrics();
  assert.deepEqual([way, starts.started.count], ["http", 1]);
  assert.ok(logs.some(({ message }) => message === "about to listen"));
  sandbox.close();
});

test("a shell script that ends with output is a one-shot program, and its first output answers the first call", async () => {
  const file = program("/bin/sh", 'echo "$REQUEST_METHOD $(cat)"\n');
  const { sandbox, template } = await open(file);
  const first = await ask(sandbox, { method: "POST", body: "hello" });
  assert.deepEqual([first.status, first.body.toString()], [200, "POST hello\n"]);
  const others = await Promise.all(["a", "b", "c"].map((body) => ask(sandbox, { method: "POST", body })));
  assert.deepEqual(
    others.map(({ body }) => body.toString()),
    ["POST a\n", "POST b\n", "POST c\n"],
  );
  assert.equal(template.processMetrics().way, "stdio");
  assert.equal(logs.filter(({ message }) => message.includes("set call: stdio to spare the guess")).length, 1);
  sandbox.close();
});

test("a program that ends at once fails its calls with what it said, and is not started for each of them", async () => {
  const startsFile = join(folder, "starts");
  writeFileSync(startsFile, "");
  const file = program("/bin/sh", `echo x >> ${startsFile}\necho "no database" >&2\nexit 3\n`);
  const { sandbox } = await open(file, { call: "frames" });
  const first = await ask(sandbox);
  assert.equal(first.failure?.code, "LOAD_FAILED");
  assert.match(first.failure!.message, /exit code 3[\s\S]*no database/);
  for (let call = 0; call < 300; call++) assert.equal((await ask(sandbox)).failure?.code, "LOAD_FAILED");
  const startCount = readFileSync(startsFile, "utf8").trim().split("\n").length;
  assert.ok(startCount < 10, `${startCount} starts`);
  sandbox.close();
});

test("a program that hangs past the deadline is killed, and the next call has another", async () => {
  const handler = '(request) => { if (request.target === "/hang") for (;;); return "well"; }';
  const { sandbox } = await open(nodeFunction(handler), { call: "frames", instanceMax: 1 }, { timeoutMs: 2_000 });
  assert.equal(await sandbox.warmUp!(), null);
  assert.equal((await ask(sandbox)).status, 200);
  const instance = launched.at(-1)!;
  const hung = await ask(sandbox, { target: "/hang" });
  assert.equal(hung.failure?.code, "CALL_TIMEOUT");
  const next = await ask(sandbox);
  assert.equal(next.body.toString(), "well");
  assert.equal((await instance.ended).signal, "SIGKILL");
  assert.notEqual(launched.at(-1), instance);
  sandbox.close();
});

test("an idle instance is stopped, and leaves by itself when it is asked", async () => {
  const leftFile = join(folder, "left");
  const file = nodeFunction(
    `(process.on("exit", (code) => require("node:fs").writeFileSync(${JSON.stringify(leftFile)}, "left with " + code)), () => "here")`,
  );
  const { sandbox, template } = await open(file, { call: "frames", idleTimeoutMs: 200 });
  assert.equal((await ask(sandbox)).status, 200);
  assert.equal((await launched.at(-1)!.ended).told, "exit code 0");
  assert.equal(readFileSync(leftFile, "utf8"), "left with 0");
  assert.equal(template.processMetrics().restarts, 0);
  sandbox.close();
});

test("a process that ignores SIGTERM is killed when its time to stop is over", async () => {
  const file = program(
    process.execPath,
    `process.on("SIGTERM", () => {});
    require("node:http").createServer((request, response) => response.end("here")).listen(process.env.PORT, "127.0.0.1");`,
  );
  const { sandbox, template } = await open(file, { call: "http", stopTimeoutMs: 200 });
  assert.equal((await ask(sandbox)).status, 200);
  sandbox.retire();
  template.close();
  assert.equal((await launched.at(-1)!.ended).signal, "SIGKILL");
});

test("what the engine still has when it is closed is gone", async () => {
  const processes: LaunchedProcess[] = [];
  const own = makeProcessEngine({ launched: processes });
  const source = processSource(nodeFunction('() => "here"'), { process: { call: "frames", instanceMin: 2 } });
  const sandbox = await (await own.prepare(source)).open();
  assert.equal((await ask(sandbox)).status, 200);
  own.close();
  assert.equal((await ask(sandbox)).failure?.code, "SANDBOX_CLOSED");
  for (const { ended } of processes) assert.equal((await ended).signal, "SIGKILL");
  assert.equal(processes.length, 2);
});
