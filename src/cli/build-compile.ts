/**
 * Entry of the process that compiles for `pilotlight build`: takes a job on
 * standard input, writes the guest's snapshot and V8's code caches, and ends
 * with 0. Compiles through the engine's own contract, so that what it keeps is
 * what a worker will ask V8 to accept. Runs no function: a sandbox with fresh
 * state for each call runs its module only in a call.
 */
import { text } from "node:stream/consumers";
import { MIB, MINUTE_MS } from "../base/units.ts";
import { loneEngine } from "../engines/javascript/lone-engine.ts";
import type { CompileInput } from "../serve/build.ts";

export interface CompileJob {
  readonly inputs: readonly CompileInput[];
  readonly snapshotFile: string;
  readonly dataDir: string;
}

/** Far more than any function needs to be compiled; only there because a limit is required. */
const COMPILE_MEMORY_BYTES = 512 * MIB;

void text(process.stdin).then((job) => compile(JSON.parse(job) as CompileJob));

async function compile({ inputs, snapshotFile, dataDir }: CompileJob): Promise<void> {
  const engine = await loneEngine(snapshotFile, dataDir, {
    onGuestLog: () => {},
    onRunaway: (functionId) => process.stderr.write(`${functionId}: its compilation can't be stopped\n`),
    onCatastrophe: (functionId, message) => process.stderr.write(`${functionId}: ${message}\n`),
  });
  for (const { codeFile, codeCacheFile, filename } of inputs) {
    const template = await engine.prepare({
      functionId: filename.replace(/^pilotlight:/, ""),
      codeFile,
      mapFile: "",
      codeCacheFile,
      memoryMaxBytes: COMPILE_MEMORY_BYTES,
      timeoutMs: MINUTE_MS,
      cpuTimeoutMs: MINUTE_MS,
      freshState: true,
      env: {},
      allow: {},
      outputMaxBytes: 0,
      contract: null,
      folders: [],
      checkpoint: false,
      process: null,
    });
    (await template.open()).close();
  }
  engine.close();
}
