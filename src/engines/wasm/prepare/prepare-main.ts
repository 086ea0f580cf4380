/**
 * Entry of the process that prepares one module: takes a job on standard input,
 * writes the variant and its facts, and ends with 0; what it could not do is on
 * standard error. What runs here never returns if it does not want to, and whoever
 * started this may be gone by then: a thread beside it ends the process.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { Worker } from "node:worker_threads";
import { sha256 } from "../../../base/sha256.ts";
import { writeFileAtomic } from "../../../store/atomic-file.ts";
import { prepare } from "./prepare.ts";
import { factsFile, PREPARED_FORMAT, type PreparedFacts, variantFile } from "./prepared-facts.ts";

export interface PrepareJob {
  readonly moduleFile: string;
  readonly folder: string;
  readonly environIsRequest: boolean;
  readonly saysCheckpoint: boolean;
  readonly timeoutMs: number;
  /** Whoever started this: when it is gone, nobody waits for what is made here. */
  readonly parentPid: number;
}

const LOOK_EVERY_MS = 500;

void text(process.stdin).then((job) => run(JSON.parse(job) as PrepareJob));

async function run(job: PrepareJob): Promise<void> {
  const { folder, moduleFile } = job;
  const guard = startGuard(job);
  try {
    const { bytes, mode, reason, costs, noted } = await prepare(readFileSync(moduleFile), job);
    const variant = bytes === null ? null : sha256(bytes);
    mkdirSync(folder, { recursive: true });
    if (bytes !== null) await writeFileAtomic(variantFile(folder, variant!), bytes);
    const facts: PreparedFacts = { format: PREPARED_FORMAT, mode, reason, costs, noted, variant };
    // Last: they vouch for the variant.
    await writeFileAtomic(factsFile(folder), JSON.stringify(facts));
  } catch (error) {
    process.stderr.write(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
  await guard.terminate();
}

/** SIGKILL: nothing milder reaches a thread that runs WebAssembly without end. */
function startGuard({ timeoutMs, parentPid }: PrepareJob): Worker {
  const watch = `
    const endAtMs = performance.now() + ${timeoutMs};
    setInterval(() => {
      if (process.ppid !== ${parentPid} || performance.now() > endAtMs) process.kill(process.pid, "SIGKILL");
    }, ${LOOK_EVERY_MS});`;
  return new Worker(watch, { eval: true });
}
