/**
 * Builds a WebAssembly function: reads the module, checks what it imports,
 * rewrites it (memory capped, state exported) and keeps module and facts in the
 * cache, by content. Runs where bundling runs: beside the workers, never in one.
 */
import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fail, ok, type Result } from "../../base/result.ts";
import { sha256 } from "../../base/sha256.ts";
import { MIB } from "../../base/units.ts";
import type { ContractName } from "../../config/config.ts";
import { writeFileAtomic } from "../../store/atomic-file.ts";
import { checkImports } from "./binary/check-imports.ts";
import { putBackObstacles } from "./binary/put-back.ts";
import { rewriteModule } from "./binary/rewrite.ts";
import { compileModule } from "./compile-module.ts";
import { detectContract } from "./detect-contract.ts";
import { sweepBuilt } from "./prepare/prepared-sweep.ts";
import { FACTS_NAME, MODULE_NAME, parseFacts, WASM_FACTS_FORMAT, type WasmFacts } from "./wasm-facts.ts";

/** The largest module that is taken; what is larger is usually not one, or holds data that belongs in a file. */
export const MODULE_MAX_BYTES = 64 * MIB;
const MAGIC_BYTES = 4;

export interface ModuleSource {
  readonly id: string;
  /** Absolute. */
  readonly file: string;
  readonly memoryMaxBytes: number;
  /** Null lets the module tell. */
  readonly contract: ContractName | null;
}

export interface BuiltModule {
  /** sha256 of everything that went into it, hex. */
  readonly hash: string;
  readonly codeFile: string;
  readonly facts: WasmFacts;
}

export function builtFolder(dataDir: string): string {
  return join(dataDir, "cache", "wasm");
}

export async function buildModule(source: ModuleSource, dataDir: string): Promise<Result<BuiltModule>> {
  const read = await readModuleFile(source);
  if (!read.ok) return read;
  const bytes = read.value;
  const hash = sha256(JSON.stringify([WASM_FACTS_FORMAT, source.memoryMaxBytes, source.contract]), bytes);
  const folder = join(builtFolder(dataDir), hash);
  const codeFile = join(folder, MODULE_NAME);
  const kept = await readKept(folder);
  if (kept !== null) return ok({ hash, codeFile, facts: kept });
  const made = makeModule(source, bytes);
  if (!made.ok) return made;
  const invalid = await compileFailure(made.value.bytes);
  if (invalid !== null) {
    return fail({
      code: "INVALID_MODULE",
      message: `Cannot use ${source.id}: it does not compile: ${invalid}`,
      hint: "Build it again; wasm-validate says more about it",
      at: { file: source.file },
    });
  }
  await mkdir(folder, { recursive: true });
  await writeFileAtomic(codeFile, made.value.bytes);
  // Last: a folder with facts is whole.
  await writeFileAtomic(join(folder, FACTS_NAME), JSON.stringify(made.value.facts));
  // Swept or not, it can be served.
  await sweepBuilt(builtFolder(dataDir), made.value.bytes.length).catch(() => {});
  return ok({ hash, codeFile, facts: made.value.facts });
}

/** The one time that all of it is validated: workers do it function by function (v8-flags.ts). */
async function compileFailure(bytes: Uint8Array): Promise<string | null> {
  try {
    await compileModule(bytes);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

function makeModule(source: ModuleSource, bytes: Uint8Array): Result<{ bytes: Uint8Array; facts: WasmFacts }> {
  const at = { file: source.file };
  const rewritten = rewriteModule(bytes, { memoryMaxBytes: source.memoryMaxBytes });
  if (!rewritten.ok) return fail({ ...rewritten.failure, message: `Cannot use ${source.id}: ${rewritten.failure.message}`, at });
  const { facts: moduleFacts } = rewritten.value;
  const checked = checkImports(moduleFacts);
  if (!checked.ok) return fail({ ...checked.failure, message: `Cannot use ${source.id}: ${checked.failure.message}`, at });
  const imports = moduleFacts.imports.map(({ module, name }) => `${module}.${name}`);
  const obstacles = putBackObstacles(moduleFacts);
  const { contract, reason } =
    source.contract === null ? detectContract(bytes, imports) : { contract: source.contract, reason: "named in the configuration" };
  return ok({
    bytes: rewritten.value.bytes,
    facts: {
      format: WASM_FACTS_FORMAT,
      mode: obstacles.length === 0 ? "reset" : "instance",
      modeReason:
        obstacles.length === 0 ? "its memory, globals and tables can be put back" : `it can't be put back: ${obstacles.join("; ")}`,
      contract,
      contractReason: reason,
      imports,
      sizeBytes: bytes.length,
      moduleHash: sha256(rewritten.value.bytes),
    },
  });
}

async function readModuleFile({ id, file }: ModuleSource): Promise<Result<Uint8Array>> {
  const at = { file };
  try {
    const handle = await open(file);
    try {
      const { size } = await handle.stat();
      if (size > MODULE_MAX_BYTES) {
        return fail({
          code: "MODULE_TOO_LARGE",
          message: `Cannot use ${id}: the module has ${Math.ceil(size / MIB)} MiB, and at most ${MODULE_MAX_BYTES / MIB} MiB are taken`,
          hint: "Strip its debug information (wasm-strip, or -s for the linker), and keep large data in files that the function may read",
          at,
        });
      }
      const bytes = await handle.readFile();
      if (bytes.length < MAGIC_BYTES) {
        return fail({
          code: "INVALID_MODULE",
          message: `Cannot use ${id}: the file has ${bytes.length} bytes and is no WebAssembly module`,
          hint: "Build it again; a module begins with the bytes 00 61 73 6d",
          at,
        });
      }
      return ok(bytes);
    } finally {
      await handle.close();
    }
  } catch (error) {
    return fail({
      code: "MODULE_UNREADABLE",
      message: `Cannot read ${id}: ${(error as Error).message}`,
      hint: "Check the file and its permissions",
      at,
    });
  }
}

/** Null when it is not there whole: then it is made again. */
async function readKept(folder: string): Promise<WasmFacts | null> {
  try {
    const file = join(folder, FACTS_NAME);
    const facts = parseFacts(await readFile(file, "utf8"), file);
    if (!facts.ok) return null;
    // A disk may have torn or changed it since.
    return sha256(await readFile(join(folder, MODULE_NAME))) === facts.value.moduleHash ? facts.value : null;
  } catch {
    return null;
  }
}
