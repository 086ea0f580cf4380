import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { BLOCK_BYTES, type Channel, channelOn, ENDED, partsOf, type StartMode } from "../../../../guest/wasi/channel.ts";
import { Command } from "../../../../guest/wasi/command.ts";
import { GATE_EXPORT } from "../../../../guest/wasi/exported-names.ts";
import { FdTable } from "../../../../guest/wasi/fd-table.ts";
import { preopenedFolders } from "../../../../guest/wasi/files.ts";
import { gojinnImports } from "../../../../guest/wasi/gojinn.ts";
import { Exit, GuestProcess, MustWait } from "../../../../guest/wasi/guest-process.ts";
import { Image } from "../../../../guest/wasi/image.ts";
import { wasiImports } from "../../../../guest/wasi/imports.ts";
import { instantiate } from "../../../../guest/wasi/instantiate.ts";
import { pilotlightImports } from "../../../../guest/wasi/pilotlight.ts";
import * as gate from "../../../../guest/wasi/request-gate.ts";
import { BufferedInput, BufferedOutput } from "../../../../guest/wasi/streams.ts";
import type { Module } from "../../../../guest/wasi/webassembly.ts";
import { fileOf, guest, type Language, skipReason } from "../../../../test/support/guests.ts";
import { MIB } from "../../../base/units.ts";
import { readModule } from "../binary/module-facts.ts";
import { rewriteModule } from "../binary/rewrite.ts";
import { compileModule } from "../compile-module.ts";
import { createHostCalls } from "../host-calls.ts";
import { asyncify } from "./asyncify.ts";
import { Rehearsal } from "./rehearsal.ts";
import { loadShim, type Shim } from "./shim.ts";

const LANGUAGES: readonly Language[] = ["c", "rust", "go", "assemblyscript"];

interface Variants {
  readonly plain: Uint8Array;
  readonly prepared: Uint8Array;
  readonly functions: readonly number[];
}

async function variantsOf(file: string, environIsRequest = false): Promise<Variants> {
  const rewritten = rewriteModule(readFileSync(file), { memoryMaxBytes: 64 * MIB });
  assert.ok(rewritten.ok);
  const plain = rewritten.value.bytes;
  const rehearsal = new Rehearsal(await loadShim(), await compileModule(plain), environIsRequest);
  rehearsal.lookAtStack();
  assert.equal(rehearsal.toQuestion(rehearsal.instantiate()), null);
  return { plain, prepared: await asyncify(plain, rehearsal.stack), functions: rehearsal.stack };
}

interface Server {
  answer(stdin: string, environ?: readonly string[]): string;
}

/** As the entries of an isolate do it. */
async function serve(bytes: Uint8Array, mode: StartMode, environIsRequest = false): Promise<Server> {
  const shared = new SharedArrayBuffer(BLOCK_BYTES);
  const { window } = partsOf(shared);
  const none = { files: null, streams: null, log: () => {}, onInternalError: assert.ifError };
  const channel: Channel = channelOn(shared, createHostCalls({ window, ...none }));
  const stdin = new BufferedInput();
  const stdout = new BufferedOutput(MIB, "end");
  const stderr = new BufferedOutput(MIB, "drop");
  const descriptors = new FdTable([], () => preopenedFolders(channel));
  const process = new GuestProcess({ channel, descriptors, stdin, stdout, stderr, environIsRequest, block: null, requests: null });
  process.args = [Buffer.from("function\0")];
  const wasi = wasiImports(process);
  const module = (await compileModule(bytes)) as unknown as Module;
  const command = new Command(module, { wasi_snapshot_preview1: wasi }, process, { stdout, stderr }, mode);
  command.prepare();
  return {
    answer(input, environ = []) {
      process.environ = environ.map((pair) => Buffer.from(`${pair}\0`));
      stdin.set(Buffer.from(input));
      assert.equal(command.run(), ENDED.exited, command.failure);
      return Buffer.from(stdout.bytes).toString();
    },
  };
}

function order(id: number): string {
  return JSON.stringify({ method: "POST", uri: "/order", headers: {}, body: JSON.stringify({ id: String(id), value: 100 + id }) });
}

for (const language of LANGUAGES) {
  const module = await guest(language, "order");
  const prober = await guest(language, "state");
  const cgi = await guest(language, "cgi");

  test(`an unmodified ${language} module goes on from its first read of standard input, for every request`, {
    skip: skipReason(module),
  }, async () => {
    const { plain, prepared } = await variantsOf(fileOf(module));
    const anew = await serve(plain, "instance");
    const resumed = await serve(prepared, "checkpoint");
    for (const input of [order(1), order(2), "", "no json", order(3)]) assert.equal(resumed.answer(input), anew.answer(input));
    assert.match(resumed.answer(order(7)), /107|123/);
  });

  // The one in AssemblyScript asks for nothing of its request.
  if (language !== "assemblyscript")
    test(`what a ${language} module leaves behind is not there after a checkpoint, also when its memory has grown`, {
      skip: skipReason(prober),
    }, async () => {
      // It reads nothing, but looks into its environment.
      const { plain, prepared } = await variantsOf(fileOf(prober), true);
      const fresh = (await serve(plain, "instance", true)).answer("");
      const resumed = await serve(prepared, "checkpoint", true);
      for (let round = 0; round < 4; round++) assert.equal(resumed.answer(""), fresh);
    });

  test(`a ${language} module that reads its request from the environment goes on from there`, { skip: skipReason(cgi) }, async () => {
    const { plain, prepared } = await variantsOf(fileOf(cgi), true);
    const anew = await serve(plain, "instance", true);
    const resumed = await serve(prepared, "checkpoint", true);
    for (const path of ["/one", "/two"]) {
      const environ = ["REQUEST_METHOD=POST", `PATH_INFO=${path}`, `REQUEST_URI=${path}`, "CONTENT_LENGTH=4", "QUERY_STRING=a=1"];
      assert.equal(resumed.answer("body", environ), anew.answer("body", environ));
    }
  });
}

const go = await guest("go", "order");

test("only the functions under the question are changed: a Go module hardly grows", { skip: skipReason(go) }, async () => {
  const { plain, prepared, functions } = await variantsOf(fileOf(go));
  assert.ok(functions.length < 50, `${functions.length} functions`);
  assert.ok(prepared.length < plain.length * 1.1, `${plain.length} bytes became ${prepared.length}`);
});

test("a prepared module keeps its functions' names and order", { skip: skipReason(go) }, async () => {
  const { plain, prepared } = await variantsOf(fileOf(go));
  const [before, after] = [readModule(plain), readModule(prepared)];
  assert.ok(before.ok && after.ok);
  assert.equal(after.value.hasNames, before.value.hasNames);
  // Asyncify's own five come last.
  assert.equal(after.value.functionCount, before.value.functionCount + 5);
});

test("a question from under a function that can't unwind ends the run instead of tearing it", { skip: skipReason(go) }, async () => {
  const { plain, functions } = await variantsOf(fileOf(go));
  const lacking = await asyncify(plain, functions.slice(1));
  await assert.rejects(serve(lacking, "checkpoint"), new RegExp(`asked for its request under function ${functions[0]}, which it did not`));
});

test("a module that was not prepared can't be armed", { skip: skipReason(go) }, async () => {
  await assert.rejects(serve((await variantsOf(fileOf(go))).plain, "checkpoint"), /was not prepared/);
});

test("the stack's memory has the name that prepared modules on disk have", () => {
  assert.equal(GATE_EXPORT, "pilotlight:memory:gate:");
});

test("the shim that a rehearsal loads has what it is said to have", async () => {
  const { functionsOnStack } = gate;
  // The compiler compares the types, this test that all of it is found.
  const real: Shim = {
    BufferedInput,
    BufferedOutput,
    Exit,
    FdTable,
    GuestProcess,
    Image,
    MustWait,
    functionsOnStack,
    gojinnImports,
    instantiate,
    pilotlightImports,
    preopenedFolders,
    wasiImports,
  };
  const loaded = await loadShim();
  for (const [name, value] of Object.entries(real)) assert.equal(loaded[name as keyof Shim], value, name);
});
