/**
 * Modules that compilers made, whole and damaged: what V8 takes, we take, and
 * nothing makes the reader throw. Damage is drawn from a seed that is printed
 * on failure.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ERRNO } from "../../../../guest/wasi/abi.ts";
import { fileOf, guest, type Language, skipReason } from "../../../../test/support/guests.ts";
import { MIB } from "../../../base/units.ts";
import { checkImports } from "./check-imports.ts";
import type { ModuleFacts } from "./module-facts.ts";
import { putBackObstacles } from "./put-back.ts";
import { type RewrittenModule, rewriteModule } from "./rewrite.ts";
import { command, END, FUNCREF, I32 } from "./testing/assembler.ts";
import { type Imports, instantiate, isValid, v8 } from "./testing/v8.ts";

const LIMITS = { memoryMaxBytes: 64 * MIB };

const GUESTS: readonly (readonly [Language, string])[] = [
  ["c", "state"],
  ["c", "simd"],
  ["c", "every-import"],
  ["rust", "state"],
  ["go", "state"],
  ["assemblyscript", "state"],
];
const built = await Promise.all(GUESTS.map(async ([language, name]) => ({ language, name, guest: await guest(language, name) })));

function rewritten(bytes: Uint8Array): RewrittenModule {
  const result = rewriteModule(bytes, LIMITS);
  assert(result.ok, result.ok ? "" : result.failure.message);
  return result.value;
}

for (const { language, name, guest } of built) {
  describe(`${name} in ${language}`, { skip: skipReason(guest) }, () => {
    const load = (): Uint8Array => new Uint8Array(readFileSync(fileOf(guest)));

    test("is read as V8 reads it", () => {
      const bytes = load();
      const { facts } = rewritten(bytes);
      const module = new v8.Module(bytes);
      assert.deepEqual(
        facts.imports.map(({ module, name, kind }) => ({ module, name, kind })),
        v8.Module.imports(module).map(({ module, name, kind }) => ({ module, name, kind })),
      );
      assert.deepEqual(
        facts.exports.filter(({ name }) => !name.startsWith("pilotlight:")).map(({ name, kind }) => ({ name, kind })),
        v8.Module.exports(module).map(({ name, kind }) => ({ name, kind })),
      );
      assert.deepEqual(
        facts.features.filter((feature) => feature.startsWith("unknown")),
        [],
      );
    });

    test("can be run and put back", () => {
      const { facts } = rewritten(load());
      const checked = checkImports(facts);
      assert(checked.ok, checked.ok ? "" : checked.failure.message);
      assert.deepEqual(putBackObstacles(facts), []);
    });

    test("is rewritten to a module that has its state exported, and runs", () => {
      const { bytes, facts } = rewritten(load());
      const { exports } = instantiate(bytes, stubs(facts));
      const globals = facts.globals.flatMap(({ isMutable }, index) => (isMutable ? [`pilotlight:global:${index}`] : []));
      for (const name of ["pilotlight:memory:0", ...globals]) assert(exports[name], name);
      assert.equal(exports["pilotlight:memory:0"], exports["memory"]);
      assert.throws(() => (exports["_start"] as () => void)(), Exited, "it gets to its first input, output or end");
      assert.deepEqual(rewritten(bytes).bytes, bytes, "rewritten again, it stays");
    });
  });
}

class Exited extends Error {}

/** A libc that is told of zero bytes written would try for ever; one that is given a folder looks for the next. */
const ENDS_THE_RUN = ["fd_read", "fd_write", "poll_oneoff", "proc_exit", "sched_yield"];

function stubs({ imports }: ModuleFacts): Imports {
  const modules: Record<string, Record<string, unknown>> = {};
  for (const { module, name, type } of imports) {
    const result = type.endsWith("i64") ? 0n : name === "fd_prestat_get" ? ERRNO.badf : 0;
    modules[module] ??= {};
    modules[module][name] = () => {
      if (ENDS_THE_RUN.includes(name)) throw new Exited();
      return result;
    };
  }
  return modules;
}

/** Small, and of many kinds of entries: random damage meets all of them. */
const DENSE = command([0x41, 0, 0xd0, FUNCREF, 0x26, 0, 0x02, 0x40, 0x41, 1, 0x0e, 1, 0, 0, END, 0xfc, 9, 0], {
  tables: [[FUNCREF, 0, 1]],
  globals: [[I32, 1, 0x41, 7, END]],
  elements: [[0, 0x41, 0, END, 1, 0]],
  dataCount: 1,
  data: [[1, 2, 1, 2]],
});
const SEEDS = [
  DENSE,
  ...built.flatMap(({ language, guest }) => (language === "c" && "file" in guest ? [new Uint8Array(readFileSync(guest.file))] : [])),
];

/** Whatever comes in, an answer comes out; and what V8 takes, before, it takes after. */
function holds(bytes: Uint8Array): void {
  const result = rewriteModule(bytes, LIMITS);
  const wasValid = isValid(bytes);
  if (!result.ok) {
    const isRefusedForCause = ["UNKNOWN_IMPORT", "MEMORY_LIMIT_TOO_SMALL", "TABLES_TOO_LARGE"].includes(result.failure.code);
    assert(!wasValid || isRefusedForCause, `V8 takes it, we don't: ${result.failure.message}`);
    assert(result.failure.message.length < 10_000);
    return;
  }
  checkImports(result.value.facts);
  putBackObstacles(result.value.facts);
  assert.equal(isValid(result.value.bytes), wasValid, "V8 disagrees about it before and after");
  const again = rewriteModule(result.value.bytes, LIMITS);
  assert(again.ok);
  assert.deepEqual(again.value.bytes, result.value.bytes, "rewritten again, it changes");
}

const seed = fc.constantFrom(...SEEDS);
/** Near the front as often as anywhere: most of a real module is code. */
const place = fc.oneof(fc.integer({ min: 0, max: 400 }), fc.nat());

test("a module cut anywhere is refused or read, never a throw", () => {
  fc.assert(fc.property(seed, place, (bytes, at) => holds(bytes.subarray(0, at % (bytes.length + 1)))));
  for (let length = 0; length <= DENSE.length; length++) holds(DENSE.subarray(0, length));
});

test("a module with changed bytes is refused or read, never a throw", () => {
  const changes = fc.array(fc.tuple(place, fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(seed, changes, (bytes, list) => {
      const changed = bytes.slice();
      for (const [at, value] of list) changed[at % changed.length] = value;
      holds(changed);
    }),
    { numRuns: 300 },
  );
});

test("every single byte of a small module may be anything", () => {
  for (let at = 0; at < DENSE.length; at++) {
    for (let value = 0; value < 256; value++) {
      const changed = DENSE.slice();
      changed[at] = value;
      holds(changed);
    }
  }
});

test("a module with bytes put in or taken out is refused or read, never a throw", () => {
  const bytesIn = fc.uint8Array({ maxLength: 12 });
  fc.assert(
    fc.property(seed, place, fc.nat(12), bytesIn, (bytes, at, dropped, added) => {
      const start = at % bytes.length;
      holds(Uint8Array.from([...bytes.subarray(0, start), ...added, ...bytes.subarray(start + dropped)]));
    }),
    { numRuns: 200 },
  );
});

test("bytes of no meaning behind a right header are refused or read, never a throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => holds(Uint8Array.from([...DENSE.subarray(0, 8), ...bytes]))),
    { numRuns: 1000 },
  );
});
