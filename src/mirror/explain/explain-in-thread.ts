/**
 * One POST /explain in a thread of its own: a lock file of megabytes takes
 * hundreds of milliseconds to read, and a hostile one whatever it can get. The
 * thread may use so much processor time and memory, then it is ended; what it
 * waits for (pages, upstream) doesn't count.
 */
import type { Worker } from "node:worker_threads";
import { builtin } from "../../base/builtin.ts";
import { programFile } from "../../base/package-files.ts";
import { SECOND_MS } from "../../base/units.ts";
import type { LookUp } from "./explain-requirements.ts";
import type { ExplainMessage, ExplainRequest, LookedUp } from "./explain-thread.ts";

export interface ExplainLimits {
  readonly heapMaxMib: number;
  readonly activeMaxMs: number;
}

/** A uv.lock of 8 MiB (1,100 packages, 24,000 files) takes 2 s, and 32 MiB at the least; more memory makes it faster. */
export const EXPLAIN_LIMITS: ExplainLimits = { heapMaxMib: 64, activeMaxMs: 20 * SECOND_MS };

const WATCH_EVERY_MS = 250;

export type ThreadExplanation = Exclude<ExplainMessage, { kind: "look-up" }>;

/** `lockFile` is given away. A signal ends the thread: what comes back then is for nobody. */
export function explainInThread(
  { lockFile, nameHint }: ExplainRequest,
  lookUp: LookUp,
  signal: AbortSignal,
  { heapMaxMib, activeMaxMs }: ExplainLimits = EXPLAIN_LIMITS,
): Promise<ThreadExplanation> {
  const worker = new builtin.workerThreads.Worker(programFile("mirror/explain/explain-thread"), {
    resourceLimits: { maxOldGenerationSizeMb: heapMaxMib },
  });
  const { promise, resolve } = Promise.withResolvers<ThreadExplanation>();
  const giveUp = (reason: string): void => resolve({ kind: "unreadable", reason });
  worker.on("message", (message: ExplainMessage) => {
    if (message.kind === "look-up") void answer(worker, message.project, lookUp);
    else resolve(message);
  });
  worker.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "ERR_WORKER_OUT_OF_MEMORY") giveUp(`it takes more than ${heapMaxMib} MiB of memory to explain`);
    else giveUp(`the thread that reads it failed: ${error.message}`);
  });
  worker.on("exit", () => giveUp("the thread that reads it ended"));
  const watch = setInterval(() => {
    if (worker.performance.eventLoopUtilization().active > activeMaxMs)
      giveUp(`it takes more than ${activeMaxMs / SECOND_MS} s of processor time to explain`);
  }, WATCH_EVERY_MS);
  const onAbort = (): void => giveUp("nobody waits for it");
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) onAbort();
  worker.postMessage({ lockFile, nameHint } satisfies ExplainRequest, [lockFile.buffer as ArrayBuffer]);
  return promise.finally(() => {
    clearInterval(watch);
    signal.removeEventListener("abort", onAbort);
    void worker.terminate();
  });
}

/** A thread that has ended takes no message, and needs none. */
async function answer(worker: Worker, project: string, lookUp: LookUp): Promise<void> {
  worker.postMessage({ project, found: await lookUp(project) } satisfies LookedUp);
}
