import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { constants, getPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import binaryen from "binaryen";
import { fileOf, guest, skipReason } from "../../../../test/support/guests.ts";
import type { Result } from "../../../base/result.ts";
import { HOUR_MS, MIB } from "../../../base/units.ts";
import { rewriteModule } from "../binary/rewrite.ts";
import { type PrepareModuleOptions, prepareModule } from "./prepare-module.ts";
import { factsFile, findPrepared, type Prepared, preparedFolder } from "./prepared-facts.ts";
import { sweepPrepared } from "./prepared-sweep.ts";

const root = mkdtempSync(join(tmpdir(), "pilotlight-prepare-"));
after(() => rmSync(root, { recursive: true }));
const LIVING = new AbortController().signal;
const HAS_PROC = existsSync("/proc/self/stat");
const noProc = HAS_PROC ? false : "needs /proc to find the child process";
const c = await guest("c", "order");
const go = await guest("go", "order");
let count = 0;

function built(bytes: Uint8Array): string {
  const rewritten = rewriteModule(bytes, { memoryMaxBytes: 64 * MIB });
  assert.ok(rewritten.ok, JSON.stringify(rewritten));
  const file = join(root, `${++count}.wasm`);
  writeFileSync(file, rewritten.value.bytes);
  return file;
}

function wat(start: string, rest = ""): string {
  const text = `(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    ${rest}
    (func (export "_start") ${start}))`;
  return built(binaryen.parseText(text).emitBinary());
}

const ASK = "(drop (call $read (i32.const 0) (i32.const 8) (i32.const 1) (i32.const 0)))";
const FOR_EVER = "(loop $again (br $again))";

function prepared(moduleFile: string, more: Partial<PrepareModuleOptions> = {}, signal = LIVING): Promise<Result<Prepared>> {
  const dataDir = join(root, `data-${count}`);
  const options = { functionId: "order", moduleFile, dataDir, environIsRequest: false, saysCheckpoint: true, cpuTimeoutMs: 60_000 };
  return prepareModule({ ...options, ...more }, signal);
}

function preparedOf(result: Result<Prepared>): Prepared {
  assert.ok(result.ok, result.ok ? "" : result.failure.message);
  return result.value;
}

function failureOf(result: Result<Prepared>): string {
  assert.ok(!result.ok, "it was prepared");
  assert.equal(result.failure.code, "WASM_PREPARATION_FAILED");
  assert.match(result.failure.message, /^Cannot prepare order for checkpoints: /);
  return result.failure.message;
}

/** Of a process, those that it started to prepare modules. */
function children(parent: number): number[] {
  return globSync("/proc/[0-9]*/stat").flatMap((file) => {
    try {
      const [, state, ppid] = /\) (\w) (\d+)/.exec(readFileSync(file, "utf8"))!;
      const isOurs =
        state !== "Z" && Number(ppid) === parent && readFileSync(file.replace(/stat$/, "cmdline"), "utf8").includes("prepare-main");
      return isOurs ? [Number(file.split("/")[2])] : [];
    } catch {
      return [];
    }
  });
}

/** A dead process that nobody has asked about is none. */
function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

async function childOf(parent: number): Promise<number> {
  for (;;) {
    const [child] = children(parent);
    if (child !== undefined) return child;
    await sleep(10);
  }
}

function otherServer(options: PrepareModuleOptions): ChildProcess {
  const file = join(import.meta.dirname, "prepare-module.ts");
  const code = `const { prepareModule } = await import(${JSON.stringify(file)});
    process.stdout.write(JSON.stringify(await prepareModule(${JSON.stringify(options)}, new AbortController().signal)));`;
  return spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
}

test("a module in Go is prepared for checkpoints, once: the next one finds it", { skip: skipReason(go) }, async () => {
  const file = built(readFileSync(fileOf(go)));
  const first = preparedOf(await prepared(file));
  assert.equal(first.mode, "checkpoint", first.reason);
  assert.ok(first.costs.checkpointUs! < first.costs.instanceUs!);
  assert.ok(isValid(readFileSync(first.moduleFile!)));
  const writtenAtMs = statSync(first.moduleFile!).mtimeMs;
  assert.deepEqual(await prepared(file), { ok: true, value: first });
  assert.equal(statSync(first.moduleFile!).mtimeMs, writtenAtMs);
});

test("a module in Go has no checkpoint unless its function says so, for it reads random bytes first", {
  skip: skipReason(go),
}, async () => {
  const { mode, reason, moduleFile } = preparedOf(await prepared(built(readFileSync(fileOf(go))), { saysCheckpoint: false }));
  assert.notEqual(mode, "checkpoint");
  assert.match(reason, /random bytes/);
  assert.equal(moduleFile, null);
});

test("a module in C that is at its question at once is served by reset", { skip: skipReason(c) }, async () => {
  const { mode, costs, moduleFile, noted } = preparedOf(await prepared(built(readFileSync(fileOf(c)))));
  assert.equal(mode, "reset");
  assert.equal(moduleFile, null);
  assert.equal(noted, 0);
  assert.ok(costs.checkpointUs !== null && costs.resetUs! < costs.instanceUs!);
});

test("a module that ends or traps before it asks for its request has no checkpoint", async () => {
  assert.match(preparedOf(await prepared(wat("(nop)"))).reason, /ended without asking for its request/);
  assert.match(preparedOf(await prepared(wat("(unreachable)"))).reason, /fails before it asks for its request: unreachable/);
});

test("a module that opens files before it asks for its request has no checkpoint", async () => {
  const open = '(import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))';
  const call =
    "(drop (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 0) (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 32)))";
  const text = `(module ${open}
    (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start") ${call} (drop (call $close (i32.const 1))) ${ASK}))`;
  const { mode, reason } = preparedOf(await prepared(built(binaryen.parseText(text).emitBinary())));
  assert.notEqual(mode, "checkpoint");
  assert.match(reason, /opens files|uses the host|changes its descriptors/);
});

test("a question from under a stack that is too deep to keep means no checkpoint", async () => {
  const recursion = `(func $deep (param i32) (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1)))) (else ${ASK})) (drop (local.get 0)))`;
  const { mode, reason } = preparedOf(await prepared(wat("(call $deep (i32.const 9000))", recursion)));
  assert.notEqual(mode, "checkpoint");
  assert.match(reason, /can't be left at its question: out of bounds memory access/);
});

test("a module whose compiler has used asyncify already has no checkpoint", async () => {
  const { reason } = preparedOf(await prepared(wat(ASK, '(func (export "asyncify_start_unwind") (param i32))')));
  assert.match(reason, /has used asyncify already/);
});

test("a start function that never ends is ended at the time limit, with low priority until then", { skip: noProc }, async () => {
  const file = wat(ASK, `(func $start ${FOR_EVER}) (start $start)`);
  const work = prepared(file, { timeoutMs: 2_000 });
  assert.equal(getPriority(await childOf(process.pid)), constants.priority.PRIORITY_LOW);
  assert.match(failureOf(await work), /was not done after 2 s/);
  assert.deepEqual(children(process.pid), []);
});

test("a preparation that somebody waits for has its share of a busy machine", { skip: noProc }, async () => {
  const giveUp = new AbortController();
  const work = prepared(wat(ASK, `(func $start ${FOR_EVER}) (start $start)`), { isWaitedFor: true }, giveUp.signal);
  assert.equal(getPriority(await childOf(process.pid)), getPriority(process.pid));
  giveUp.abort();
  await work;
});

for (const [where, file] of [
  ["its start function", (): string => wat(ASK, `(func $start ${FOR_EVER}) (start $start)`)],
  ["_start", (): string => wat(FOR_EVER)],
] as const) {
  test(`a module that computes in ${where} for longer than its function may is given up by its CPU time`, async () => {
    const result = await prepared(file(), { cpuTimeoutMs: 200 });
    assert.ok(!result.ok);
    assert.equal(result.failure.code, "WASM_START_OVERRAN");
    assert.match(result.failure.message, /it used more than 200 ms of CPU time and had not asked for its request/);
  });
}

test("a module that Binaryen chokes on is given up at the time limit", async () => {
  const locals = Array.from({ length: 4_000 }, (_, index) => `$l${index}`);
  const start = [
    ...locals.map((local) => `(local ${local} i32)`),
    ...locals.map((local) => `(local.set ${local} (call $read (i32.const 0) (i32.const 8) (i32.const 1) (i32.const 0)))`),
    ...locals.map((local) => `(i32.store (i32.const 16) (local.get ${local}))`),
  ];
  assert.match(failureOf(await prepared(wat(start.join("\n")), { timeoutMs: 1_500 })), /was not done after 1.5 s/);
});

test("a module too large to prepare starts no process", async () => {
  const file = join(root, "large.wasm");
  writeFileSync(file, "");
  truncateSync(file, 17 * MIB);
  assert.match(failureOf(await prepared(file)), /it has 17 MiB, and at most 16 MiB are prepared/);
});

test("what is no module, or no file, is a failure with its reason", async () => {
  const file = join(root, "text.wasm");
  writeFileSync(file, "no module");
  assert.match(failureOf(await prepared(file)), /process ended with code 1: .*expected magic word/);
  assert.match(failureOf(await prepared(join(root, "absent.wasm"))), /ENOENT/);
});

test("a data folder that can't be written is a failure with its reason", async () => {
  const file = wat(ASK);
  const dataDir = join(root, "a-file");
  writeFileSync(dataDir, "");
  assert.match(failureOf(await prepared(file, { dataDir })), /ENOTDIR|EEXIST/);
});

test("a killed child is a failure, and the next module in line is prepared", { skip: noProc }, async () => {
  const endless = prepared(wat(FOR_EVER));
  const next = prepared(wat(ASK));
  process.kill(await childOf(process.pid), "SIGKILL");
  assert.match(failureOf(await endless), /process ended with SIGKILL/);
  assert.equal(preparedOf(await next).costs.checkpointUs === null, false);
});

test("one module is prepared at a time, and whoever gives up ends its child", { skip: noProc }, async () => {
  const giveUp = new AbortController();
  const first = prepared(wat(FOR_EVER), {}, giveUp.signal);
  const second = prepared(wat(`${FOR_EVER} (nop)`), {}, giveUp.signal);
  const child = await childOf(process.pid);
  assert.deepEqual(children(process.pid), [child]);
  giveUp.abort();
  for (const result of await Promise.all([first, second])) assert.match(failureOf(result), /was given up/);
  assert.deepEqual(children(process.pid), []);
});

test("a child whose server was killed ends by itself", { skip: noProc }, async () => {
  const options = {
    functionId: "f",
    moduleFile: wat(FOR_EVER),
    dataDir: join(root, "orphan"),
    environIsRequest: false,
    saysCheckpoint: true,
    cpuTimeoutMs: 60_000,
  };
  const server = otherServer(options);
  const child = await childOf(server.pid!);
  server.kill("SIGKILL");
  await once(server, "exit");
  while (isAlive(child)) await sleep(50);
});

test("two servers that prepare the same module at once both get a whole one", { skip: skipReason(go) }, async () => {
  const dataDir = join(root, "shared");
  const file = built(readFileSync(fileOf(go)));
  const servers = [0, 1].map(() =>
    otherServer({ functionId: "f", moduleFile: file, dataDir, environIsRequest: false, saysCheckpoint: true, cpuTimeoutMs: 60_000 }),
  );
  // Together: what a process has written is lost when it ends before anybody reads.
  for (const chunks of await Promise.all(servers.map((server) => server.stdout!.toArray()))) {
    const { moduleFile } = preparedOf(JSON.parse(Buffer.concat(chunks).toString()) as Result<Prepared>);
    assert.ok(isValid(readFileSync(moduleFile!)));
  }
  const [folder, ...others] = globSync(join(preparedFolder(dataDir), "*"));
  assert.equal(others.length, 0);
  assert.ok(findPrepared(folder!) !== null);
});

test("a damaged variant or damaged facts are made anew", { skip: skipReason(go) }, async () => {
  const file = built(readFileSync(fileOf(go)));
  const { moduleFile } = preparedOf(await prepared(file));
  const whole = readFileSync(moduleFile!);
  writeFileSync(moduleFile!, whole.subarray(0, -1));
  const again = preparedOf(await prepared(file));
  assert.deepEqual(readFileSync(again.moduleFile!), whole);
  const facts = factsFile(join(again.moduleFile!, ".."));
  for (const damage of ["", "{", '{"format":1}', '{"format":1,"mode":"checkpoint","reason":"","variant":"../../x"}']) {
    writeFileSync(facts, damage);
    assert.equal(findPrepared(join(facts, "..")), null);
  }
  assert.equal(preparedOf(await prepared(file)).moduleFile, again.moduleFile);
});

test("entries longest unused go first, whole, and young ones are spared", async () => {
  const dataDir = join(root, "swept");
  for (const [name, ageHours] of [
    ["oldest", 5],
    ["old", 3],
    ["young", 0],
  ] as const) {
    const folder = join(preparedFolder(dataDir), name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "x.wasm"), Buffer.alloc(100));
    writeFileSync(factsFile(folder), "{}");
    const usedAt = (Date.now() - ageHours * HOUR_MS) / 1_000;
    utimesSync(factsFile(folder), usedAt, usedAt);
  }
  const left = (): string[] => globSync("*", { cwd: preparedFolder(dataDir) }).sort();
  const limits = { bytesMax: MIB, entryMaxCount: 2, spareYoungerThanMs: HOUR_MS };
  await sweepPrepared(dataDir, limits);
  assert.deepEqual(left(), ["old", "young"]);
  await sweepPrepared(dataDir, { ...limits, bytesMax: 10 });
  assert.deepEqual(left(), ["young"]);
});

function isValid(bytes: Uint8Array): boolean {
  return (globalThis as unknown as { WebAssembly: { validate(bytes: Uint8Array): boolean } }).WebAssembly.validate(bytes);
}
