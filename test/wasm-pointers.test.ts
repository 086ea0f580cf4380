/**
 * Hostile arguments to every import there is, from a real module in a server:
 * pointers, lengths, counts and descriptors that leave the memory, wrap around or
 * name nothing. Each call must come back with a code, and the server must not
 * have noticed. What functions must be allowed is: a denial would hide what
 * becomes of the pointers behind it.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import binaryen from "binaryen";
import { ERRNO } from "../guest/wasi/abi.ts";
import { HOUR_MS } from "../src/base/units.ts";
import { HOST_FUNCTIONS, type HostModule } from "../src/engines/wasm/binary/host-functions.ts";
import type { TestServer } from "./support/server.ts";
import { startWasmServer } from "./support/wasm-server.ts";

/** The module has one page: outside by far, at its edges, just outside, wrapping around. */
const VALUES = [-1, 0x7fffffff, 65_535, 65_536, -65_536, -8];
/** Which arguments are hostile; the others are 1. */
const PATTERNS = [() => true, (index: number) => index % 2 === 0, (index: number) => index % 2 === 1];
/** Standard output, and the folder that it was given. */
const DESCRIPTORS = [1, 3];
/** Ends the guest instead of coming back. */
const ENDS = "proc_exit";
const RESULTS_AT = 1024;
const PAGE_BYTES = 65_536;

interface HostCall {
  readonly name: string;
  readonly args: readonly number[];
}

function hostileCalls(module: HostModule): HostCall[] {
  return [...HOST_FUNCTIONS[module]].flatMap(([name, signature]) => {
    if (name === ENDS) return [];
    const count = typesOf(signature).length;
    const takesDescriptor = /^(?:fd|path|sock)_/.test(name);
    return (takesDescriptor ? DESCRIPTORS : [null]).flatMap((descriptor) =>
      VALUES.flatMap((value) =>
        PATTERNS.map((isHostile) => {
          const args = Array.from({ length: count }, (_, index) => (isHostile(index) ? value : 1));
          if (descriptor !== null) args[0] = descriptor;
          // Closing what is needed for the others would leave them nothing to attack.
          if (name === "fd_close" || name === "fd_renumber") args[0] = value;
          return { name, args };
        }),
      ),
    );
  });
}

function typesOf(signature: string): string[] {
  return [...signature.slice(0, signature.indexOf(")")).matchAll(/i32|i64/g)].map(([type]) => type);
}

/** A command that makes the calls and answers with their results, as 32-bit words. They lie in a memory that no import writes to. */
function moduleOf(module: HostModule, called: readonly HostCall[], data = ""): Uint8Array {
  const functions = HOST_FUNCTIONS[module];
  const imports = [...functions].map(([name, signature]) => {
    const result = signature.split(" -> ")[1];
    return `(import "${module}" "${name}" (func $${name} (param ${typesOf(signature).join(" ")})${result === "()" ? "" : ` (result ${result})`}))`;
  });
  const stores = called.map(({ name, args }, index) => {
    const types = typesOf(functions.get(name)!);
    const result = functions.get(name)!.split(" -> ")[1];
    const call = `(call $${name} ${args.map((value, at) => `(${types[at]}.const ${value})`).join(" ")})`;
    if (result === "()") return call;
    return `(i32.store $kept offset=${4 * index} (i32.const 0) ${result === "i64" ? `(i32.wrap_i64 ${call})` : call})`;
  });
  const write = functions.has("fd_write")
    ? ""
    : `(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))`;
  const text = `(module ${write} ${imports.join("\n")} (memory $main (export "memory") 1) (memory $kept 1) ${data} (func (export "_start") ${stores.join("\n")}
    (memory.copy $main $kept (i32.const ${RESULTS_AT}) (i32.const 0) (i32.const ${4 * called.length}))
    (i32.store $main (i32.const 16) (i32.const ${RESULTS_AT})) (i32.store $main (i32.const 20) (i32.const ${4 * called.length}))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))`;
  return binaryen.parseText(text).emitBinary();
}

/** How many ranges, pointer and length each, an import reads. They are its first arguments, but for the level of host_log. */
const READ_RANGES: readonly (readonly [count: number, names: readonly string[]])[] = [
  [1, ["host_log", "host_db_query", "host_kv_get", "host_mutex_lock", "host_mutex_unlock", "host_s3_get", "host_http_get", "http_get"]],
  [2, ["host_kv_set", "host_s3_put", "host_enqueue", "kv_get", "kv_delete", "blob_get", "queue_send", "lock_acquire", "lock_release"]],
  [3, ["kv_set", "sql_query", "blob_put"]],
];

/** Pointers through which the imports of pilotlight write: the place of each, and the place of its length or how long it is. */
const WRITTEN_RANGES: Readonly<Record<string, readonly { readonly at: number; readonly lengthAt?: number; readonly bytes?: number }[]>> = {
  kv_get: [
    { at: 4, lengthAt: 5 },
    { at: 6, bytes: 4 },
  ],
  blob_get: [
    { at: 4, lengthAt: 5 },
    { at: 6, bytes: 4 },
  ],
  sql_query: [
    { at: 6, lengthAt: 7 },
    { at: 8, bytes: 4 },
  ],
  lock_acquire: [{ at: 6, bytes: 8 }],
  http_get: [
    { at: 2, lengthAt: 3 },
    { at: 4, bytes: 4 },
    { at: 5, bytes: 4 },
  ],
};

function writesOutside({ name, args }: HostCall): boolean {
  return (WRITTEN_RANGES[name] ?? []).some(({ at, lengthAt, bytes }) => {
    const length = bytes ?? args[lengthAt!]! >>> 0;
    return length > 0 && (args[at]! >>> 0) + length > PAGE_BYTES;
  });
}

function readsOutside({ name, args }: HostCall): boolean {
  const [count] = READ_RANGES.find(([, names]) => names.includes(name)) ?? [0];
  const first = name === "host_log" ? 1 : 0;
  const pointers = Array.from({ length: count }, (_, range) => first + 2 * range);
  return pointers.some((at) => (args[at]! >>> 0) + (args[at + 1]! >>> 0) > PAGE_BYTES);
}

/** Where a module that is written to has its texts, and room for what it asks for. */
const TEXTS_AT = 0x8000;
const TEXT_MAX_BYTES = 64;
const [OUT, NEEDED, TOKEN, STATUS] = [0xa000, 0xb000, 0xb008, 0xb010];
const MAX = 256;
const [KEY, SQL, CONTENT, PARAMS] = ["key", "SELECT 'a row' AS c", "some content", "[]"];

/** A call that succeeds, and the places of the pointers through which it then writes. */
interface WritingCall {
  readonly name: string;
  readonly args: readonly number[];
  readonly outAt: readonly number[];
}

/** First those that write what the others find. */
function writingCalls(module: HostModule, at: (text: string) => readonly [pointer: number, length: number]): WritingCall[] {
  const [key, content, url] = [at(KEY), at(CONTENT), at(origin)];
  if (module === "gojinn") {
    return [
      { name: "host_kv_set", args: [...key, ...content], outAt: [] },
      { name: "host_s3_put", args: [...key, ...content], outAt: [] },
      { name: "host_kv_get", args: [...key, OUT, MAX], outAt: [2] },
      { name: "host_db_query", args: [...at(SQL), OUT, MAX], outAt: [2] },
      { name: "host_s3_get", args: [...key, OUT, MAX], outAt: [2] },
      { name: "host_http_get", args: [...url, OUT, MAX], outAt: [2] },
      { name: "host_ask_ai", args: [...key, OUT, MAX], outAt: [2] },
    ];
  }
  const first = [0, 0];
  return [
    { name: "kv_set", args: [...first, ...key, ...content, 0], outAt: [] },
    { name: "blob_put", args: [...first, ...key, ...content], outAt: [] },
    { name: "kv_get", args: [...first, ...key, OUT, MAX, NEEDED], outAt: [4, 6] },
    { name: "sql_query", args: [...first, ...at(SQL), ...at(PARAMS), OUT, MAX, NEEDED], outAt: [6, 8] },
    { name: "blob_get", args: [...first, ...key, OUT, MAX, NEEDED], outAt: [4, 6] },
    { name: "http_get", args: [...url, OUT, MAX, NEEDED, STATUS], outAt: [2, 4, 5] },
    { name: "lock_acquire", args: [...first, ...key, HOUR_MS, 0, TOKEN], outAt: [6] },
  ];
}

interface Deployed {
  readonly module: HostModule;
  readonly calls: readonly HostCall[];
  readonly data: string;
}

/** Each once for every hostile value of every pointer that is written through, then as it is: a lock has not been taken by then. */
function deployedToWrite(module: HostModule): Deployed {
  const texts = [KEY, SQL, CONTENT, PARAMS, origin];
  const pointerOf = (text: string): number => TEXTS_AT + TEXT_MAX_BYTES * texts.indexOf(text);
  const calls = writingCalls(module, (text) => [pointerOf(text), text.length]).flatMap(({ name, args, outAt }) => {
    const hostile = outAt.flatMap((at) => VALUES.map((value) => args.with(at, value)));
    return [...hostile, args].map((all) => ({ name, args: all }));
  });
  const data = texts.map((text) => `(data (memory $main) (i32.const ${pointerOf(text)}) "${text}")`);
  return { module, calls, data: data.join("\n") };
}

const upstream = createServer((_request, answer) => answer.end(CONTENT));
let origin = "";
let deployed: Readonly<Record<string, Deployed>> = {};
let server: TestServer;
before(async () => {
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
  origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const attacked = (module: HostModule): Deployed => ({ module, calls: hostileCalls(module), data: "" });
  deployed = {
    preview1: attacked("wasi_snapshot_preview1"),
    unstable: attacked("wasi_unstable"),
    gojinn: attacked("gojinn"),
    pilotlight: attacked("pilotlight"),
    "gojinn-writes": deployedToWrite("gojinn"),
    "pilotlight-writes": deployedToWrite("pilotlight"),
  };
  const modules = Object.fromEntries(Object.entries(deployed).map(([id, { module, calls, data }]) => [id, moduleOf(module, calls, data)]));
  const everything = { kv: ["k"], sql: ["s"], blob: ["b"], queue: ["q"], lock: ["l"], fetch: [origin], dir: [`${import.meta.dirname}::/`] };
  const settings = { contract: "command" as const, allow: everything };
  server = await startWasmServer(modules, { functions: Object.fromEntries(Object.keys(deployed).map((id) => [id, settings])) });
});
after(async () => {
  await server.stop();
  upstream.close();
});

async function resultsOf(id: string): Promise<{ call: HostCall; result: number }[]> {
  const { calls } = deployed[id]!;
  const answer = await server.get(`/${id}`);
  assert.equal(answer.status, 200);
  const bytes = Buffer.from(await answer.arrayBuffer());
  assert.equal(bytes.length, 4 * calls.length);
  return calls.map((call, index) => ({ call, result: bytes.readInt32LE(4 * index) }));
}

function described({ name, args }: HostCall): string {
  return `${name}(${args.join(", ")})`;
}

async function messagesOf(id: string): Promise<string> {
  return (await server.logs(id)).map(({ message }) => String(message)).join("\n");
}

for (const id of ["preview1", "unstable"]) {
  test(`every import of ${id} answers hostile arguments with an error code of WASI`, async () => {
    for (let request = 0; request < 3; request++) {
      for (const { call, result } of await resultsOf(id))
        assert.ok(result >= 0 && result <= ERRNO.notcapable, `${described(call)} gave ${result}`);
    }
  });

  test(`pointers of ${id} that leave the memory are EFAULT`, async () => {
    const results = await resultsOf(id);
    const simple: readonly (readonly [name: string, ...args: number[]])[] = [
      ["args_get", -1, -1],
      ["args_sizes_get", 65_536, 65_536],
      ["environ_sizes_get", -8, -8],
      ["clock_res_get", 1, -1],
      ["random_get", 65_535, 65_535],
      ["random_get", -65_536, -65_536],
      ["fd_fdstat_get", 1, -1],
      ["fd_filestat_get", 3, 65_536],
      ["fd_prestat_get", 3, 0x7fffffff],
      ["path_filestat_get", 3, -1, -1, -1, -1],
      ["path_readlink", 3, 65_536, 65_536, 65_536, 65_536, 65_536],
    ];
    for (const [name, ...args] of simple) {
      const found = results.find(({ call }) => call.name === name && call.args.join() === args.join());
      assert.equal(found?.result, ERRNO.fault, `${name}(${args.join(", ")})`);
    }
  });
}

const DENIAL = /allow\.\w+ of .* names/;
/** What Gojinn's imports answer where the guest gets nothing. */
const NOTHING: Readonly<Record<string, number>> = { host_kv_get: -1, host_s3_put: 1, host_enqueue: 1 };

test("every import of gojinn that reads what leaves the memory gives the guest nothing", async () => {
  for (const { call, result } of await resultsOf("gojinn"))
    if (readsOutside(call)) assert.equal(result, NOTHING[call.name] ?? 0, described(call));
});

test("every import of pilotlight that reads or writes what leaves the memory is EFAULT, and a denial is none", async () => {
  for (const { call, result } of await resultsOf("pilotlight")) {
    // What lies at the pointers may be no list of parameters and no URL.
    const expected: number[] = readsOutside(call) || writesOutside(call) ? [ERRNO.fault] : [ERRNO.perm, ERRNO.inval];
    assert.ok(expected.includes(result), `${described(call)}: ${result}`);
  }
  assert.match(await messagesOf("pilotlight"), DENIAL);
});

for (const module of ["gojinn", "pilotlight"] as const) {
  test(`what ${module} has for its guest is written to no pointer that leaves the memory`, async () => {
    const id = `${module}-writes`;
    for (const { call, result } of await resultsOf(id)) {
      const isHostile = call.args.some((arg) => VALUES.includes(arg));
      if (module === "pilotlight") assert.equal(result, isHostile ? ERRNO.fault : ERRNO.success, described(call));
      else if (isHostile) assert.equal(result, NOTHING[call.name] ?? 0, described(call));
      else assert.ok(call.args.includes(OUT) === result > 0, `${described(call)} gave ${result}`);
    }
    assert.doesNotMatch(await messagesOf(id), DENIAL);
  });
}

test("none of it was an internal error", async () => {
  for (const id of Object.keys(deployed)) assert.doesNotMatch(await messagesOf(id), /internal error/i, id);
});
