/** Modules that compilers made: read as V8 reads them, run after the rewrite. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { ERRNO } from "../../../../guest/wasi/abi.ts";
import { fileOf, guest, type Language, skipReason } from "../../../../test/support/guests.ts";
import { MIB } from "../../../base/units.ts";
import { checkImports } from "./check-imports.ts";
import type { ModuleFacts } from "./module-facts.ts";
import { putBackObstacles } from "./put-back.ts";
import { type RewrittenModule, rewriteModule } from "./rewrite.ts";
import { type Imports, instantiate, v8 } from "./testing/v8.ts";

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
