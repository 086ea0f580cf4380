/** What validate learns of a WebAssembly module by instantiating it, and by rehearsing it to its question. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import binaryen from "binaryen";
import { pilotlight } from "./support/cli.ts";

const SPIN = "(loop $again (br $again))";
/** Dropped data can't be put back: every request has an instance of its own, and nothing is prepared. */
const DROPS = "(memory.init $data (i32.const 0) (i32.const 0) (i32.const 1)) (data.drop $data)";

const folder = mkdtempSync(join(tmpdir(), "pilotlight-validate-wasm-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const GET = '(import "gojinn" "host_kv_get" (func $get (param i32 i32 i32 i32) (result i32)))';
const SLEEP = '(import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))';
const WRITE = '(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))';
const LOG = '(import "gojinn" "host_log" (func $log (param i32 i32 i32)))';
const EXIT = '(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))';
const NEEDS_MEMORY = "which reads or writes its memory, and that is not known before _start: call it from main";
const WAITS_TOO_EARLY = "its start function calls what may have to wait";

function module(start: string, main: string, imports = ""): Uint8Array {
  const parsed = binaryen.parseText(`(module ${imports} (memory (export "memory") 1) (data $data "x")
    (func $init ${start}) (start $init) (func (export "_start") ${main}))`);
  parsed.setFeatures(binaryen.Features.BulkMemory);
  return parsed.emitBinary();
}

test("a module that spins or traps before its first request is a failure, within the function's limits", async () => {
  const functions = join(folder, "functions");
  mkdirSync(functions);
  writeFileSync(join(folder, "pilotlight.yaml"), "cpu_timeout: 200ms\n");
  const modules = {
    good: module("", ""),
    "good-alone": module("", DROPS),
    spins: module(SPIN, ""),
    "spins-alone": module(SPIN, DROPS),
    "spins-later": module("", SPIN),
    traps: module("(unreachable)", ""),
    // Pointers and without: before there is an instance nothing is known of its memory.
    asks: module("(drop (call $get (i32.const 0) (i32.const 1) (i32.const 16) (i32.const 16)))", "", GET),
    "asks-of-nothing": module("(drop (call $get (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))", "", GET),
    writes: module("(drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))", "", WRITE),
    logs: module("(call $log (i32.const 1) (i32.const 0) (i32.const 3))", "", LOG),
    exits: module("(call $exit (i32.const 3))", "", EXIT),
    sleeps: module("(drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))", "", SLEEP),
  };
  for (const [name, bytes] of Object.entries(modules)) writeFileSync(join(functions, `${name}.wasm`), bytes);
  const startMs = performance.now();
  const { status, stdout, stderr } = await pilotlight(["validate", "--json"], { cwd: folder });
  assert.ok(performance.now() - startMs < 60_000, "it takes no two minutes");
  assert.equal(status, 1, stdout + stderr);
  const report = JSON.parse(stdout) as {
    functions: { id: string; failure: { code: string; message: string; hint: string } | null; start: { mode: string } }[];
  };
  const told = Object.fromEntries(report.functions.map(({ id, failure }) => [id, failure?.message.replace(/ \(kv, .*/, "") ?? null]));
  assert.deepEqual(told, {
    good: null,
    "good-alone": null,
    spins: "spins can't be instantiated: its start function used more than 200 ms of CPU time",
    "spins-alone": "spins-alone can't be instantiated: its start function used more than 200 ms of CPU time",
    "spins-later": "spins-later would be ended in every call: it used more than 200 ms of CPU time and had not asked for its request",
    traps: "traps can't be instantiated: unreachable",
    asks: `asks can't be instantiated: ${WAITS_TOO_EARLY}`,
    "asks-of-nothing": `asks-of-nothing can't be instantiated: ${WAITS_TOO_EARLY}`,
    writes: `writes can't be instantiated: its start function calls fd_write, ${NEEDS_MEMORY}`,
    logs: `logs can't be instantiated: its start function calls host_log, ${NEEDS_MEMORY}`,
    exits: "exits can't be instantiated: its start function ended with exit code 3",
    sleeps: `sleeps can't be instantiated: ${WAITS_TOO_EARLY}`,
  });
  for (const { id, failure, start } of report.functions) {
    assert.equal(start.mode, id.endsWith("-alone") ? "instance" : "reset", id);
    if (failure !== null) assert.deepEqual([failure.code, failure.hint.length > 0], ["LOAD_FAILED", true]);
    if (id.startsWith("spins")) assert.match(failure!.hint, new RegExp(`functions\\.${id}\\.cpu_timeout`));
  }
});

test("what is wrong with a module is told with what to do, and how requests start of those alone that have any", async () => {
  const project = join(folder, "told");
  mkdirSync(join(project, "functions"), { recursive: true });
  const parsed = (text: string): Uint8Array => binaryen.parseText(text).emitBinary();
  const modules = {
    good: module("", ""),
    traps: module("(unreachable)", ""),
    "long-data": parsed('(module (memory (export "memory") 1) (data (i32.const 65535) "xxx") (func (export "_start")))'),
    global: parsed(
      '(module (import "wasi_snapshot_preview1" "fd_write" (global i32)) (memory (export "memory") 1) (func (export "_start")))',
    ),
  };
  for (const [name, bytes] of Object.entries(modules)) writeFileSync(join(project, "functions", `${name}.wasm`), bytes);
  const { status, stdout } = await pilotlight(["validate"], { cwd: project });
  assert.equal(status, 1);
  assert.deepEqual(stdout.match(/\S+ starts requests by/g), ["good starts requests by"]);
  assert.match(stdout, /long-data can't be instantiated: .*segment 0 is out of bounds[\s\S]*more of it \(wasm-ld --initial-memory\)/);
  assert.match(stdout, /wasi_snapshot_preview1\.fd_write is a function: import it as one, not as a global/);
});
