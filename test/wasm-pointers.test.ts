/**
 * Hostile arguments to every import there is, from a real module in a server:
 * pointers, lengths, counts and descriptors that leave the memory, wrap around or
 * name nothing. Each call must come back with a code, and the server must not
 * have noticed.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import binaryen from "binaryen";
import { ERRNO } from "../guest/wasi/abi.ts";
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

interface HostileCall {
  readonly name: string;
  readonly args: readonly number[];
}

function callsOf(module: HostModule): HostileCall[] {
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

/** A command that makes all the calls and answers with their results, as 32-bit words. They lie in a memory that no import writes to. */
function moduleOf(module: HostModule): Uint8Array {
  const functions = HOST_FUNCTIONS[module];
  const called = callsOf(module);
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
  const write =
    module === "gojinn" ? `(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))` : "";
  const text = `(module ${write} ${imports.join("\n")} (memory $main (export "memory") 1) (memory $kept 1) (func (export "_start") ${stores.join("\n")}
    (memory.copy $main $kept (i32.const ${RESULTS_AT}) (i32.const 0) (i32.const ${4 * called.length}))
    (i32.store $main (i32.const 16) (i32.const ${RESULTS_AT})) (i32.store $main (i32.const 20) (i32.const ${4 * called.length}))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))`;
  return binaryen.parseText(text).emitBinary();
}

const ids: Readonly<Record<string, HostModule>> = { preview1: "wasi_snapshot_preview1", unstable: "wasi_unstable", gojinn: "gojinn" };
let server: TestServer;
before(async () => {
  const modules = Object.fromEntries(Object.entries(ids).map(([id, module]) => [id, moduleOf(module)]));
  const settings = { contract: "command" as const, allow: { dir: [`${import.meta.dirname}::/`] } };
  server = await startWasmServer(modules, { functions: { preview1: settings, unstable: settings, gojinn: { contract: "command" } } });
});
after(() => server.stop());

async function resultsOf(id: string): Promise<{ call: HostileCall; result: number }[]> {
  const called = callsOf(ids[id]!);
  const answer = await server.get(`/${id}`);
  assert.equal(answer.status, 200);
  const bytes = Buffer.from(await answer.arrayBuffer());
  assert.equal(bytes.length, 4 * called.length);
  return called.map((call, index) => ({ call, result: bytes.readInt32LE(4 * index) }));
}

for (const id of ["preview1", "unstable"]) {
  test(`every import of ${ids[id]} answers hostile arguments with an error code of WASI`, async () => {
    for (let request = 0; request < 3; request++) {
      for (const { call, result } of await resultsOf(id))
        assert.ok(result >= 0 && result <= ERRNO.notcapable, `${call.name}(${call.args.join(", ")}) gave ${result}`);
    }
  });

  test(`pointers of ${ids[id]} that leave the memory are EFAULT`, async () => {
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

test("every import of gojinn takes hostile arguments for a failure, and nothing is an internal error", async () => {
  const results = await resultsOf("gojinn");
  const notFound: Readonly<Record<string, readonly number[]>> = {
    host_kv_get: [-1],
    host_s3_get: [0],
    host_http_get: [0],
    host_s3_put: [1],
    host_enqueue: [1],
    host_mutex_lock: [0],
    host_mutex_unlock: [0],
  };
  for (const { call, result } of results)
    assert.ok((notFound[call.name] ?? [result]).includes(result), `${call.name}(${call.args.join(", ")}) gave ${result}`);
  assert.deepEqual(
    (await server.logs()).filter(({ message }) => String(message).includes("internal error")),
    [],
  );
});
