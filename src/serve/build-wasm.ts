/**
 * A WebAssembly function as the server builds it: the module checked and
 * rewritten, the shim ready for workers, which can't bundle it themselves. Where
 * a faster start may be had it is prepared beside the server, and the function
 * goes over to it when it is there.
 */
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Failure, ok, type Result } from "../base/result.ts";
import { sha256 } from "../base/sha256.ts";
import type { Config } from "../config/config.ts";
import { guestScript } from "../engines/javascript/guest-script.ts";
import { type BuiltModule, buildModule, builtFolder } from "../engines/wasm/build-module.ts";
import { useModules } from "../engines/wasm/modules-in-use.ts";
import { prepareModule } from "../engines/wasm/prepare/prepare-module.ts";
import type { Prepared } from "../engines/wasm/prepare/prepared-facts.ts";
import { FACTS_NAME, type WasmFacts } from "../engines/wasm/wasm-facts.ts";
import { writeFileAtomic } from "../store/atomic-file.ts";
import type { BundleRef, FunctionSpec } from "./function-spec.ts";

export interface BuiltWasm {
  readonly bundle: BundleRef;
  /** Resolves with what takes its place, or with null when nothing better was found. Never rejects. */
  readonly better: Promise<BetterStart | null>;
}

export interface BetterStart {
  readonly bundle: BundleRef;
  readonly facts: WasmFacts;
  /** Why it could not be prepared; null when it was, or needs not be. */
  readonly failure: Failure | null;
}

export interface BuildWasmOptions {
  /** Gives up the search for a better start. */
  readonly signal: AbortSignal;
  /** Somebody waits for `better`. */
  readonly isWaitedFor: boolean;
}

export async function buildWasm(
  { dataDir }: Pick<Config, "dataDir">,
  spec: FunctionSpec,
  options: BuildWasmOptions,
): Promise<Result<BuiltWasm>> {
  const [built] = await Promise.all([buildModule(spec, dataDir), guestScript("wasi", dataDir)]);
  if (!built.ok) return built;
  const bundle = bundleOf(built.value.hash, built.value.codeFile, join(dirname(built.value.codeFile), FACTS_NAME));
  const alsoUse = await useModules(`${dataDir}\n${spec.id}`, foldersOf(bundle));
  const better = betterStart(built.value, bundle, dataDir, spec, options).then(async (found) => {
    if (found !== null) await alsoUse(foldersOf(found.bundle));
    return found;
  });
  return ok({ bundle, better });
}

function foldersOf({ codeFile, mapFile }: BundleRef): string[] {
  return [dirname(codeFile), dirname(mapFile)];
}

async function betterStart(
  { hash, codeFile, facts }: BuiltModule,
  bundle: BundleRef,
  dataDir: string,
  spec: FunctionSpec,
  { signal, isWaitedFor }: BuildWasmOptions,
): Promise<BetterStart | null> {
  if (facts.mode !== "reset") return null;
  const environIsRequest = facts.contract === "cgi";
  const { id: functionId, checkpoint: saysCheckpoint } = spec;
  const cpuTimeoutMs = Math.min(spec.cpuTimeoutMs, spec.timeoutMs);
  const prepared = await prepareModule(
    { functionId, moduleFile: codeFile, dataDir, environIsRequest, saysCheckpoint, cpuTimeoutMs, isWaitedFor },
    signal,
  );
  if (!prepared.ok) return signal.aborted ? null : { bundle, facts, failure: prepared.failure };
  const chosen = { ...facts, mode: prepared.value.mode, modeReason: prepared.value.reason };
  try {
    // Nothing to go over to: only the reason is new.
    if (prepared.value.mode === facts.mode && prepared.value.moduleFile === null) {
      if (chosen.modeReason !== facts.modeReason) await writeFileAtomic(bundle.mapFile, JSON.stringify(chosen));
      return { bundle, facts: chosen, failure: null };
    }
    return { bundle: await keep(chosen, prepared.value, hash, codeFile, dataDir), facts: chosen, failure: null };
  } catch (error) {
    return { bundle, facts, failure: { code: "FACTS_NOT_KEPT", message: `its facts can't be kept: ${(error as Error).message}` } };
  }
}

/** The facts of the way that was chosen, beside those of the module as it was built. */
async function keep(facts: WasmFacts, { moduleFile }: Prepared, builtHash: string, codeFile: string, dataDir: string): Promise<BundleRef> {
  const text = JSON.stringify(facts);
  const hash = sha256(builtHash, moduleFile ?? "", text);
  const folder = join(builtFolder(dataDir), hash);
  await mkdir(folder, { recursive: true });
  await writeFileAtomic(join(folder, FACTS_NAME), text);
  return bundleOf(hash, moduleFile ?? codeFile, join(folder, FACTS_NAME));
}

function bundleOf(hash: string, codeFile: string, mapFile: string): BundleRef {
  return { hash, codeFile, mapFile, codeCacheFile: codeFile, methods: null, tracksAsyncContext: false };
}
