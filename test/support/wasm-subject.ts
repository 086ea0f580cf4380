/**
 * The WebAssembly engine as a subject of the contract suite: guests in C
 * (test/guests/c). Without clang its tests are skipped, loudly.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ContractName } from "../../src/config/config.ts";
import type { Subject } from "../../src/engines/contract.test.ts";
import type { Engine, EngineSource } from "../../src/engines/engine.ts";
import { engineAlone } from "../../src/engines/isolate/engine-alone.ts";
import { guestScript, snapshotFileName } from "../../src/engines/javascript/guest-script.ts";
import { loadSnapshot } from "../../src/engines/javascript/snapshot.ts";
import { buildModule } from "../../src/engines/wasm/build-module.ts";
import { WasmEngine } from "../../src/engines/wasm/wasm-engine.ts";
import { FACTS_NAME } from "../../src/engines/wasm/wasm-facts.ts";
import type { CapabilityHost } from "../../src/host/capabilities.ts";
import { guest } from "./guests.ts";

const workDir = mkdtempSync(join(tmpdir(), "pilotlight-wasm-"));
const MIB = 1024 * 1024;
const LIMITS = { memoryMaxBytes: 64 * MIB, timeoutMs: 30_000, cpuTimeoutMs: 5_000, outputMaxBytes: 32 * MIB };
const REST = { freshState: true, env: {}, allow: {}, folders: [], checkpoint: false, contract: null, codeCacheFile: null, process: null };

const GUESTS = {
  echo: "echo",
  count: "count",
  throw: "throw",
  spin: "attacks/endless-loop",
  hoard: "attacks/malloc-bomb",
  wait: "wait",
  status: "status",
} as const;

export interface WasmEngineParts {
  readonly capabilities?: () => Promise<CapabilityHost>;
  readonly logs?: { level: string; message: string }[];
}

export async function makeWasmEngine({ capabilities, logs = [] }: WasmEngineParts = {}): Promise<Engine> {
  const script = await guestScript("wasi", workDir);
  const snapshot = await loadSnapshot(join(workDir, snapshotFileName(script.hash)), async () => script.code, "compiled");
  return engineAlone(
    (host) =>
      new WasmEngine({
        ...host,
        snapshot,
        capabilities: capabilities ?? (() => Promise.reject(new Error("this test has no store"))),
        onGuestLog: (_functionId, level, message) => logs.push({ level, message }),
        onRunaway: (functionId) => process.stderr.write(`a turn of ${functionId} can't be stopped\n`),
        onCatastrophe: (functionId, message) => process.stderr.write(`V8 gave up on ${functionId}: ${message}\n`),
      }),
  );
}

export interface ModuleLimits extends Partial<EngineSource> {
  readonly contract?: ContractName | null;
}

/** A module file as the server would build it. Throws the failure's message. */
export async function moduleSource(file: string, { contract = null, ...limits }: ModuleLimits = {}): Promise<EngineSource> {
  const { memoryMaxBytes = LIMITS.memoryMaxBytes } = limits;
  const built = await buildModule({ id: "probe", file, memoryMaxBytes, contract }, workDir);
  if (!built.ok) throw new Error(built.failure.message);
  const { codeFile } = built.value;
  return { functionId: "probe", codeFile, mapFile: join(codeFile, "..", FACTS_NAME), ...LIMITS, ...REST, ...limits };
}

export async function wasmSubject(): Promise<Subject> {
  const built = await guest("c", "echo");
  return {
    name: "wasm",
    skipped: "skipped" in built ? built.skipped : null,
    // What it wrote to standard error is in the log.
    thrown: { code: "GUEST_TRAPPED", message: /unreachable/ },
    // Growing fails as in any program, and it is the guest that gives up.
    outgrown: { code: "GUEST_TRAPPED", isClosed: false },
    endless: { code: "CPU_LIMIT_EXCEEDED", isClosed: true },
    keepsState: false,
    sandboxCount: 1_000,
    freshCallCount: 40,
    engine: () => makeWasmEngine(),
    async source(handler, limits) {
      const found = await guest("c", GUESTS[handler]);
      if ("skipped" in found) throw new Error(found.skipped);
      return moduleSource(found.file, { contract: "gojinn", ...limits });
    },
  };
}
