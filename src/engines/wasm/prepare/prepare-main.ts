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
  /** Of this process, while the module is rehearsed; what takes more ends by `overranSignal`. */
  readonly rehearsalCpuMaxMs: number;
  readonly overranSignal: NodeJS.Signals;
  /** Whoever started this: when it is gone, nobody waits for what is made here. */
  readonly parentPid: number;
}

const LOOK_EVERY_MS = 100;

void text(process.stdin).then((job) => run(JSON.parse(job) as PrepareJob));

async function run(job: PrepareJob): Promise<void> {
  const { folder, moduleFile } = job;
  const rehearsing = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const guard = startGuard(job, rehearsing);
  const onRehearsing = (isRehearsing: boolean): void => void Atomics.store(rehearsing, 0, isRehearsing ? 1 : 0);
  try {
    const { bytes, mode, reason, costs, noted } = await prepare(readFileSync(moduleFile), { ...job, onRehearsing });
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

/** By signals that end a process: nothing milder reaches a thread that runs WebAssembly without end. */
function startGuard({ timeoutMs, parentPid, rehearsalCpuMaxMs, overranSignal }: PrepareJob, rehearsing: Int32Array): Worker {
  const watch = `
    const { workerData } = require("node:worker_threads");
    const endAtMs = performance.now() + ${timeoutMs};
    let rehearsalCpu = null;
    setInterval(() => {
      if (process.ppid !== ${parentPid} || performance.now() > endAtMs) process.kill(process.pid, "SIGKILL");
      rehearsalCpu = Atomics.load(workerData, 0) === 0 ? null : rehearsalCpu ?? process.cpuUsage();
      if (rehearsalCpu === null) return;
      const { user, system } = process.cpuUsage(rehearsalCpu);
      if ((user + system) / 1000 > ${rehearsalCpuMaxMs}) process.kill(process.pid, "${overranSignal}");
    }, ${LOOK_EVERY_MS});`;
  return new Worker(watch, { eval: true, workerData: rehearsing });
}
