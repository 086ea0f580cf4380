/** What becomes of built modules on disk while a server runs. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import binaryen from "binaryen";
import { HOUR_MS, MIB } from "../base/units.ts";
import { buildModule, builtFolder } from "../engines/wasm/build-module.ts";
import { factsFile, preparedFolder } from "../engines/wasm/prepare/prepared-facts.ts";
import { sweepModules } from "../engines/wasm/prepare/prepared-sweep.ts";
import { type BuiltWasm, buildWasm } from "./build-wasm.ts";
import type { BundleRef, FunctionSpec } from "./function-spec.ts";

/** As prepared-sweep.ts has them, for small modules. */
const ENTRY_MAX_COUNT = 4_000;
const WRITES_PER_SWEEP = 256;
const KEEP_NOTHING = { bytesMax: 0, entryMaxCount: 0, spareYoungerThanMs: HOUR_MS };

const root = mkdtempSync(join(tmpdir(), "pilotlight-build-wasm-"));
after(() => rmSync(root, { recursive: true }));

function specOf(id: string, text: string): FunctionSpec {
  const file = join(root, `${id}.wasm`);
  writeFileSync(file, binaryen.parseText(text).emitBinary());
  return {
    id,
    file,
    memoryMaxBytes: 16 * MIB,
    timeoutMs: 30_000,
    cpuTimeoutMs: 5_000,
    contract: "command",
    checkpoint: false,
  } as FunctionSpec;
}

/** Another module for every number. */
function command(number: number): string {
  return `(module (memory (export "memory") 1) (func (export "_start") (i32.store (i32.const 0) (i32.const ${number}))))`;
}

async function build(dataDir: string, spec: FunctionSpec): Promise<BuiltWasm> {
  const built = await buildWasm({ dataDir }, spec, { signal: new AbortController().signal, isWaitedFor: false });
  assert.ok(built.ok);
  return built.value;
}

function makeOld(folder: string): void {
  const usedAt = (Date.now() - 5 * HOUR_MS) / 1_000;
  utimesSync(factsFile(folder), usedAt, usedAt);
}

test("a module that a function uses is not swept, however old and beyond every bound; the one before it is", async () => {
  const dataDir = join(root, "in-use");
  const sweepAll = async (): Promise<void> => {
    for (const folder of [builtFolder(dataDir), preparedFolder(dataDir)]) {
      for (const name of readdirSync(folder)) makeOld(join(folder, name));
      await sweepModules(folder, KEEP_NOTHING);
    }
  };
  const isWhole = ({ codeFile, mapFile }: BundleRef): boolean => existsSync(codeFile) && existsSync(mapFile);
  const first = await build(dataDir, specOf("edited", command(1)));
  const better = await first.better;
  assert.ok(better !== null && better.failure === null);
  await sweepAll();
  assert.deepEqual([isWhole(first.bundle), isWhole(better.bundle)], [true, true]);

  const second = await build(dataDir, specOf("edited", command(2)));
  await second.better;
  await sweepAll();
  assert.deepEqual([isWhole(first.bundle), isWhole(second.bundle)], [false, true]);
});

test("modules that nobody uses are swept when another is built", async () => {
  const dataDir = join(root, "unused");
  for (let count = 0; count <= ENTRY_MAX_COUNT; count++) {
    const folder = join(builtFolder(dataDir), `old-${count}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(factsFile(folder), "");
    makeOld(folder);
  }
  for (let number = 0; number < WRITES_PER_SWEEP; number++) assert.ok((await buildModule(specOf("one", command(number)), dataDir)).ok);
  const left = readdirSync(builtFolder(dataDir));
  const oldCount = left.filter((name) => name.startsWith("old-")).length;
  assert.ok(oldCount < ENTRY_MAX_COUNT, `${oldCount} are left`);
  assert.equal(left.length - oldCount, WRITES_PER_SWEEP);
});
