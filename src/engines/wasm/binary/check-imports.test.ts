import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { wasiImports } from "../../../../guest/wasi/imports.ts";
import type { Failure } from "../../../base/result.ts";
import { checkImports } from "./check-imports.ts";
import { HOST_FUNCTIONS } from "./host-functions.ts";
import { readModule } from "./module-facts.ts";
import {
  assemble,
  command,
  type Entry,
  exportEntry,
  functionType,
  I32,
  I64,
  importEntry,
  NO_TYPE,
  ONE_PAGE,
  type Parts,
} from "./testing/assembler.ts";

function failureOf(bytes: Uint8Array): Failure {
  const read = readModule(bytes);
  assert(read.ok);
  const checked = checkImports(read.value);
  assert(!checked.ok, "it was taken");
  return checked.failure;
}

/** Imports of type (i32, i32) -> i32. */
function importing(...names: readonly (readonly [string, string])[]): Uint8Array {
  return command([], {
    types: [NO_TYPE, functionType([I32, I32], [I32])],
    imports: names.map(([module, name]) => importEntry(module, name, 0, 1)),
    exports: [exportEntry("_start", "function", names.length), exportEntry("memory", "memory", 0)],
  });
}

test("what is imported is listed by module", () => {
  const read = readModule(
    importing(["wasi_snapshot_preview1", "args_get"], ["gojinn", "host_mutex_unlock"], ["wasi_unstable", "environ_get"]),
  );
  assert(read.ok);
  assert.deepEqual(checkImports(read.value), {
    ok: true,
    value: { wasi_snapshot_preview1: ["args_get"], wasi_unstable: ["environ_get"], gojinn: ["host_mutex_unlock"], pilotlight: [] },
  });
});

test("all of preview 1 is known, and the shim has every function of it", () => {
  const names = [...HOST_FUNCTIONS.wasi_snapshot_preview1.keys()].sort();
  assert.equal(names.length, 46);
  const provided = Object.keys(
    wasiImports({ descriptors: {}, memory: {}, gate: {}, channel: { window: new Uint8Array(0) } } as never),
  ).sort();
  assert.deepEqual(
    names.filter((name) => !provided.includes(name)),
    [],
  );
  assert(!HOST_FUNCTIONS.wasi_unstable.has("sock_accept"), "it came later");
});

test("Gojinn's functions have the signatures of its host module", () => {
  assert.deepEqual(Object.fromEntries(HOST_FUNCTIONS.gojinn), {
    host_log: "(i32, i32, i32) -> ()",
    host_db_query: "(i32, i32, i32, i32) -> i32",
    host_kv_set: "(i32, i32, i32, i32) -> ()",
    host_kv_get: "(i32, i32, i32, i32) -> i32",
    host_mutex_lock: "(i32, i32, i32) -> i32",
    host_mutex_unlock: "(i32, i32) -> i32",
    host_s3_put: "(i32, i32, i32, i32) -> i32",
    host_s3_get: "(i32, i32, i32, i32) -> i32",
    host_enqueue: "(i32, i32, i32, i32) -> i32",
    host_ask_ai: "(i32, i32, i32, i32) -> i64",
    host_ws_upgrade: "() -> i32",
    host_ws_read: "(i32, i32) -> i64",
    host_ws_write: "(i32, i32) -> ()",
    host_http_get: "(i32, i32, i32, i32) -> i64",
  });
});

describe("an unknown import is named, with what to do", () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ["wasi_snapshot_preview1", "args_gett", /Did you mean wasi_snapshot_preview1\.args_get in place of args_gett\?/],
    ["wasi_snapshot_preview2", "args_get", /Did you mean the module wasi_snapshot_preview1/],
    ["gojin", "host_log", /Did you mean the module gojinn/],
    ["wasi_unstable", "sock_accept", /preview 1|sock_recv/],
    ["gojs", "runtime.wasmExit", /GOOS=wasip1/],
    ["__wbindgen_placeholder__", "__wbindgen_describe", /without it/],
    ["wasi:cli/environment@0.2.0", "get-environment", /wasm32-wasip1/],
    ["wasi", "thread-spawn", /without threads/],
    ["env", "abort", /AssemblyScript/],
    ["env", "emscripten_memcpy_big", /STANDALONE_WASM/],
    ["else", "what", /Functions of wasi_snapshot_preview1, wasi_unstable, gojinn, pilotlight are provided/],
  ];
  for (const [module, name, hint] of cases) {
    test(`${module}.${name}`, () => {
      const failure = failureOf(importing(["wasi_snapshot_preview1", "args_get"], [module, name]));
      assert.equal(failure.code, "UNKNOWN_IMPORT");
      assert.equal(failure.message, `the module imports ${module}.${name}, which is not provided`);
      assert.match(failure.hint!, hint);
    });
  }

  test("all of several are named", () => {
    const { message, hint } = failureOf(importing(["other", "b"], ["gojinn", "host_kv_sat"], ["gojinn", "host_lock"]));
    assert.match(message, /imports other\.b, gojinn\.host_kv_sat, gojinn\.host_lock, which are not provided/);
    assert.match(hint!, /host_kv_set in place of host_kv_sat/);
  });

  test("of a thousand the first twenty are named, cut and without control characters", () => {
    const names = Array.from({ length: 1000 }, (_, index) => [`\u001b[31m${index}`, "x".repeat(1000)] as const);
    const { message } = failureOf(importing(...names));
    assert.match(message, /\\u\{1b\}\[31m0\.x{80}…, .* and 980 more, which are not provided/);
    assert(message.length < 5000 && !message.includes("\u001b"));
  });
});

test("a wrong signature is named beside the right one", () => {
  const bytes = command([], {
    types: [NO_TYPE, functionType([I32, I32], [I64]), functionType([], [])],
    imports: [
      importEntry("gojinn", "host_ws_read", 0, 1),
      importEntry("gojinn", "host_log", 0, 2),
      importEntry("wasi_unstable", "fd_close", 0, 1),
    ],
    exports: [exportEntry("_start", "function", 3), exportEntry("memory", "memory", 0)],
  });
  const { code, message } = failureOf(bytes);
  assert.equal(code, "WRONG_IMPORT_SIGNATURE");
  assert.equal(
    message,
    "the module imports gojinn.host_log as () -> (), which is (i32, i32, i32) -> (), wasi_unstable.fd_close as (i32, i32) -> i64, which is (i32) -> i32",
  );
});

test("a memory under the name of a function is no function", () => {
  const bytes = assemble({ imports: [importEntry("wasi_snapshot_preview1", "fd_close", 2, 0, 1)] });
  assert.match(failureOf(bytes).message, /imports the memory wasi_snapshot_preview1\.fd_close/);
});

describe("what is no command says why", () => {
  const exporting = (...exports: Entry[]): Parts => ({ exports });
  const memory = exportEntry("memory", "memory", 0);
  const start = exportEntry("_start", "function", 0);
  const cases: readonly (readonly [string, Parts, RegExp, RegExp])[] = [
    ["a reactor", exporting(exportEntry("_initialize", "function", 0), memory), /is a reactor/, /program with main/],
    ["a module of functions", exporting(exportEntry("add", "function", 0), memory), /exports no _start/, /program with main/],
    ["a start that is a memory", exporting(exportEntry("_start", "memory", 0), memory), /_start is no function/, /command/],
    ["a start with parameters", { ...exporting(start, memory), types: [functionType([I32], [])] }, /_start is no function/, /command/],
    ["no exported memory", exporting(start), /exports no memory/, /--export-memory/],
    ["a memory by another name", exporting(start, exportEntry("mem", "memory", 0)), /exports no memory/, /--export-memory/],
    [
      "a function called memory",
      { ...exporting(start, exportEntry("memory", "function", 0)), memories: [ONE_PAGE] },
      /exports no memory/,
      /--export-memory/,
    ],
  ];
  for (const [name, parts, message, hint] of cases) {
    test(name, () => {
      const failure = failureOf(command([], parts));
      assert.equal(failure.code, "NOT_A_COMMAND");
      assert.match(failure.message, message);
      assert.match(failure.hint!, hint);
    });
  }
});
