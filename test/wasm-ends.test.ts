/** How a run begins and ends when the guest would have it otherwise. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import binaryen from "binaryen";
import type { Engine } from "../src/engines/engine.ts";
import { type FakeAnswer, fakeCall } from "./support/fake-exchange.ts";
import { fileOf, guest, skipReason } from "./support/guests.ts";
import { makeWasmEngine, moduleSource } from "./support/wasm-subject.ts";

const startWrites = await guest("wat", "start-writes");
const catchesEnd = await guest("wat", "catches-end");
const complain = await guest("c", "complain");
const startAsks = await guest("wat", "start-asks");

const MIB = 2 ** 20;
const KIB = 2 ** 10;
const QUICK_CALLS_MAX = 2_000;
const LIMIT_ATTEMPTS = 20;

const workDir = mkdtempSync(join(tmpdir(), "pilotlight-wasm-ends-"));
after(() => rmSync(workDir, { recursive: true, force: true }));

/**
 * Fills the heap of its isolate, which linear memory is no part of, when there is input. By calls: in a loop without
 * any, V8 (14.6) looks whether it shall end once in 600,000 rounds.
 */
function hoardingModule(): Uint8Array {
  const module = binaryen.parseText(`(module
    (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 8) "\\10\\00\\00\\00\\01\\00\\00\\00")
    (type $block (array (mut i64)))
    (type $list (struct (field (ref null $list)) (field (ref $block))))
    (func $make (result (ref $block)) (array.new_default $block (i32.const 1000)))
    (func (export "_start") (local $kept (ref null $list))
      (drop (call $fd_read (i32.const 0) (i32.const 8) (i32.const 1) (i32.const 4)))
      (if (i32.load8_u (i32.const 16)) (then
        (loop $more
          (local.set $kept (struct.new $list (local.get $kept) (call $make)))
          (br $more))))))`);
  module.setFeatures(binaryen.Features.GC | binaryen.Features.ReferenceTypes);
  return module.emitBinary();
}

/** Where there is input, calls an import in every frame, of as many words as it is told, until one of both has no stack left. */
function diggingModule(words: number, imported: string): Uint8Array {
  const locals = Array.from({ length: words }, (_, index) => index + 1);
  return binaryen
    .parseText(`(module
      (import "wasi_snapshot_preview1" "${imported}" (func $imported (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 8) "\\10\\00\\00\\00\\01\\00\\00\\00")
      (func $dig (param i32 ${"i64 ".repeat(words)}) (result i32)
        (if (call $imported (i32.const 64) (i32.const 8)) (then (return (i32.const 1))))
        (i32.add (i32.const 1) (call $dig (local.get 0) ${locals.map((index) => `(local.get ${index})`).join(" ")})))
      (func (export "_start")
        (drop (call $fd_read (i32.const 0) (i32.const 8) (i32.const 1) (i32.const 4)))
        (if (i32.load8_u (i32.const 16)) (then
          (drop (call $dig (i32.const 0) ${locals.map((index) => `(i64.const ${index})`).join(" ")}))))))`)
    .emitBinary();
}

describe("a run", { skip: skipReason(startWrites) }, () => {
  let engine: Engine;
  const logs: { level: string; message: string }[] = [];
  before(async () => {
    engine = await makeWasmEngine({ logs });
  });
  after(() => engine.close());

  async function answers(file: string, count: number): Promise<FakeAnswer[]> {
    const sandbox = await (await engine.prepare(await moduleSource(file, { contract: "command" }))).open();
    const list: FakeAnswer[] = [];
    for (let request = 0; request < count; request++) {
      const { call, answer } = fakeCall();
      sandbox.invoke(call);
      list.push(await answer);
    }
    sandbox.close();
    return list;
  }

  test("whose start function needs its memory is told so, and sees nothing of the last one's", async () => {
    for (const { failure, body } of await answers(fileOf(startWrites), 3)) {
      assert.equal(
        failure?.message,
        "probe trapped: its start function calls fd_write, which reads or writes its memory, and that is not known before _start: call it from main",
      );
      assert.equal(body.length, 0);
    }
  });

  test("is over when it was ended, whatever the guest catches", async () => {
    for (const { failure, body } of await answers(fileOf(catchesEnd), 2)) {
      assert.equal(failure?.code, "GUEST_EXITED");
      assert.match(failure.message, /exit code 7/);
      assert.equal(body.length, 0);
    }
  });

  test("that outgrows its heap in the loop lane is told so", async () => {
    const file = join(workDir, "hoard.wasm");
    writeFileSync(file, hoardingModule());
    const source = await moduleSource(file, { contract: "command", memoryMaxBytes: MIB, outputMaxBytes: KIB });
    for (let attempt = 0; attempt < LIMIT_ATTEMPTS; attempt++) {
      const template = await engine.prepare(source);
      const sandbox = await template.open();
      const ask = (body: string): Promise<FakeAnswer> => {
        const { call, answer } = fakeCall({ method: "POST", body });
        sandbox.invoke(call);
        return answer;
      };
      for (let call = 0; template.lane !== "loop" && call < QUICK_CALLS_MAX; call++) assert.equal((await ask("")).failure, null);
      assert.equal(template.lane, "loop");
      const { failure } = await ask("hoard");
      if (failure?.code === "MEMORY_LIMIT_EXCEEDED") return;
      // On a busy machine the watchdog may be quicker than the heap is full.
      assert.equal(failure?.code, "CPU_LIMIT_EXCEEDED");
    }
    assert.fail("its heap was never full in time");
  });

  for (const lane of ["thread", "loop"] as const) {
    test(`whose stack ends in an import is over in the ${lane} lane, as one whose stack ends in its own code`, async () => {
      for (let words = 0; words <= 48; words += lane === "loop" ? 8 : 2) {
        const file = join(workDir, `dig-${words}.wasm`);
        writeFileSync(file, diggingModule(words, lane === "loop" ? "random_get" : "args_sizes_get"));
        const template = await engine.prepare(await moduleSource(file, { contract: "command" }));
        const sandbox = await template.open();
        const ask = (body: string): Promise<FakeAnswer> => {
          const { call, answer } = fakeCall({ method: "POST", body });
          sandbox.invoke(call);
          return answer;
        };
        for (let call = 0; lane === "loop" && template.lane !== "loop" && call < QUICK_CALLS_MAX; call++) await ask("");
        assert.equal(template.lane, lane);
        const { failure } = await ask("dig");
        assert.deepEqual([failure?.code, failure?.message], ["GUEST_TRAPPED", "probe trapped: call stack exhausted"], `${words} words`);
        assert.equal((await ask("")).failure, null);
        sandbox.close();
      }
    });
  }

  test("whose start function would have to wait is told so, and what to do", async () => {
    const told = /its start function calls what may have to wait .*: call it from main/;
    for (const { failure } of await answers(fileOf(startAsks), 2)) {
      assert.equal(failure?.code, "GUEST_TRAPPED");
      assert.match(failure.message, new RegExp(`^probe trapped: ${told.source}$`));
      assert.match(failure.stack!, /\n {4}at ask \(wasm:/);
    }
    assert.equal(logs.length, 1);
    assert.match(logs[0]!.message, new RegExp(`^Cannot start requests by reset: ${told.source}`));
  });

  describe("that is ended by a limit", { skip: skipReason(complain) }, () => {
    const cases = [
      ["spin", "thread", ["before it spins"]],
      ["spin", "loop", ["before it spins"]],
      ["wait", "thread", ["before it waits"]],
      ["both", "thread", ["before it boths", "after it slept"]],
    ] as const;
    for (const [order, lane, said] of cases) {
      test(`leaves in the log what it had written to standard error, once (${order}, ${lane} lane)`, async () => {
        const source = await moduleSource(fileOf(complain), { contract: "command", timeoutMs: 1_000, cpuTimeoutMs: 200 });
        const template = await engine.prepare(source);
        const sandbox = await template.open();
        const ask = (body: string): Promise<FakeAnswer> => {
          const { call, answer } = fakeCall({ method: "POST", body });
          sandbox.invoke(call);
          return answer;
        };
        for (let call = 0; template.lane !== lane && call < QUICK_CALLS_MAX; call++)
          assert.deepEqual((await ask("end")).logs, ["info: before it ends"]);
        assert.equal(template.lane, lane);
        const { failure, logs } = await ask(order);
        assert.match(failure!.code, /^(?:CPU_LIMIT_EXCEEDED|CALL_TIMEOUT)$/);
        assert.deepEqual(
          logs,
          said.map((line) => `info: ${line}`),
        );
        sandbox.close();
      });
    }
  });
});
