/**
 * runLoad: one run from a plan to a result. The main thread finds the target,
 * starts the load threads, waits until they are connected, gives them one
 * common start, and adds up what they report. It sends nothing itself, so that
 * progress, reports and ctrl-C never delay a request. Leaves nothing running.
 */
import { Worker } from "node:worker_threads";
import { programFile } from "../../base/package-files.ts";
import { type Failure, fail, ok, type Result } from "../../base/result.ts";
import { nowMs } from "./clock.ts";
import { findTarget } from "./find-target.ts";
import { mergeReports } from "./merge-reports.ts";
import { createMetronomeMemory, stopMetronome } from "./metronome.ts";
import { type LoadPlan, plannedDurationMs } from "./plan.ts";
import type { LoadProgress, LoadResult } from "./result.ts";
import { Seconds } from "./seconds.ts";
import type { ConnectFault, FromThread, ThreadReport, ThreadStart, ToThread } from "./thread-messages.ts";

export interface LoadHooks {
  /** Ends the run with what there is. */
  readonly signal?: AbortSignal;
  /** Connections are open and nothing has been asked: whoever counts what requests cost begins here. */
  onConnected?(): void;
  onProgress?(progress: LoadProgress): void;
}

/** From "all are connected" to the first request: every thread has its timer set by then. */
const START_DELAY_MS = 20;

/** A thread says something twice a second; one that is silent for so long hangs in what no deadline of its own can end. */
const SILENT_MAX_MS = 10_000;
const STARTING_MAX_MS = 60_000;
const WATCH_MS = 1_000;

/** Fails only when nothing could be measured. */
export async function runLoad(plan: LoadPlan, hooks: LoadHooks = {}): Promise<Result<LoadResult>> {
  const found = await findTarget(plan);
  if (!found.ok) return found;
  const metronome = plan.arrivals.kind === "closed" ? null : createMetronomeMemory(plan.threadCount);
  const run = new Run(plan, hooks);
  try {
    return await run.go(found.value, metronome);
  } finally {
    if (metronome !== null) stopMetronome(metronome);
    await run.stop();
  }
}

class Run {
  readonly #plan: LoadPlan;
  readonly #hooks: LoadHooks;
  readonly #threads: Worker[] = [];
  readonly #workers: Worker[] = [];
  readonly #seconds = new Seconds();
  readonly #reports: ThreadReport[] = [];
  readonly #progress: { completedCount: number; failedCount: number }[] = [];
  /** Until when each thread must have said something; infinite once it has reported. */
  readonly #deadlineMs: number[] = [];
  #watch: NodeJS.Timeout | null = null;
  readonly #settled = Promise.withResolvers<Result<LoadResult>>();
  #readyCount = 0;
  #openCount = 0;
  #fault: ConnectFault | null = null;
  #startMs = Number.NaN;
  #startedAt = "";
  #interruptedMs: number | null = null;
  readonly #interrupt = (): void => this.#onInterrupt();

  constructor(plan: LoadPlan, hooks: LoadHooks) {
    this.#plan = plan;
    this.#hooks = hooks;
  }

  go(address: string, metronome: SharedArrayBuffer | null): Promise<Result<LoadResult>> {
    const { threadCount } = this.#plan;
    for (let threadIndex = 0; threadIndex < threadCount; threadIndex++) {
      this.#progress.push({ completedCount: 0, failedCount: 0 });
      const thread = this.#spawn({ plan: this.#plan, threadIndex, address, metronome } satisfies ThreadStart);
      this.#deadlineMs.push(nowMs() + STARTING_MAX_MS);
      thread.on("message", (message: FromThread) => this.#onMessage(threadIndex, message));
      thread.once("exit", () => this.#onExit(threadIndex));
      this.#threads.push(thread);
    }
    this.#watch = setInterval(() => this.#lookAfterThreads(), WATCH_MS);
    if (metronome !== null) this.#spawn({ metronome, threadCount });
    const { signal } = this.#hooks;
    if (signal?.aborted) this.#onInterrupt();
    signal?.addEventListener("abort", this.#interrupt, { once: true });
    return this.#settled.promise;
  }

  async stop(): Promise<void> {
    this.#hooks.signal?.removeEventListener("abort", this.#interrupt);
    if (this.#watch !== null) clearInterval(this.#watch);
    // Also a thread that hangs in a regular expression ends here.
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #spawn(workerData: unknown): Worker {
    const worker = new Worker(programFile("lab/load/load-thread"), { workerData });
    this.#workers.push(worker);
    worker.once("error", (error) => {
      const hint = "Try fewer connections or no samples; if it stays, it is a fault of pilotlight";
      this.#settled.resolve(
        fail({ code: "LOAD_THREAD_DIED", message: `Cannot go on: a load thread died: ${(error as Error).message}`, hint }),
      );
    });
    return worker;
  }

  #lookAfterThreads(): void {
    const hung = this.#deadlineMs.some((deadlineMs) => nowMs() > deadlineMs);
    if (!hung) return;
    const hint = "A --check-match that takes long does this, or a machine without a core to spare";
    this.#settled.resolve(fail({ code: "LOAD_THREAD_HUNG", message: "Cannot go on: a load thread hangs, and was ended", hint }));
  }

  #onExit(threadIndex: number): void {
    if (this.#deadlineMs[threadIndex] === Number.POSITIVE_INFINITY) return;
    const hint = "It is a fault of pilotlight: please report it with the command line";
    this.#settled.resolve(fail({ code: "LOAD_THREAD_DIED", message: "Cannot go on: a load thread ended without a report", hint }));
  }

  #onMessage(threadIndex: number, message: FromThread): void {
    this.#deadlineMs[threadIndex] = message.kind === "done" ? Number.POSITIVE_INFINITY : nowMs() + SILENT_MAX_MS;
    if (message.kind === "second") this.#seconds.add(message.point);
    else if (message.kind === "progress") this.#onProgress(threadIndex, message);
    else if (message.kind === "ready") this.#onReady(message.openCount, message.fault);
    else {
      this.#reports.push(message.report);
      if (this.#reports.length < this.#threads.length || Number.isNaN(this.#startMs)) return;
      const times = { startedAt: this.#startedAt, startMs: this.#startMs, interruptedMs: this.#interruptedMs };
      this.#settled.resolve(ok(mergeReports(this.#plan, this.#reports, this.#seconds, times)));
    }
  }

  #onReady(openCount: number, fault: ConnectFault | null): void {
    this.#openCount += openCount;
    this.#fault ??= fault;
    if (++this.#readyCount < this.#threads.length || this.#interruptedMs !== null) return;
    if (this.#openCount === 0) {
      this.#settled.resolve(fail(noConnection(this.#fault)));
      return;
    }
    this.#hooks.onConnected?.();
    this.#startMs = nowMs() + START_DELAY_MS + this.#plan.warmUpMs;
    this.#startedAt = new Date(Date.now() + START_DELAY_MS + this.#plan.warmUpMs).toISOString();
    this.#tell({ kind: "begin", startMs: this.#startMs });
  }

  #onProgress(threadIndex: number, { completedCount, failedCount }: { completedCount: number; failedCount: number }): void {
    this.#progress[threadIndex] = { completedCount, failedCount };
    // The first thread's turn speaks for all.
    if (threadIndex !== 0 || Number.isNaN(this.#startMs)) return;
    const completed = this.#progress.reduce((sum, thread) => sum + thread.completedCount, 0);
    const elapsedMs = nowMs() - this.#startMs;
    const { warmUpMs } = this.#plan;
    this.#hooks.onProgress?.({
      elapsedMs: elapsedMs < 0 ? warmUpMs + elapsedMs : elapsedMs,
      totalMs: plannedDurationMs(this.#plan),
      completedCount: completed,
      failedCount: this.#progress.reduce((sum, thread) => sum + thread.failedCount, 0),
      perSecond: elapsedMs > 0 ? (completed * 1_000) / elapsedMs : 0,
      p99Us: this.#seconds.latestP99Us,
      isWarmUp: elapsedMs < 0,
    });
  }

  #onInterrupt(): void {
    if (this.#interruptedMs !== null) return;
    this.#interruptedMs = nowMs();
    if (Number.isNaN(this.#startMs) || this.#interruptedMs < this.#startMs) {
      const hint = "Nothing had been measured yet";
      this.#settled.resolve(fail({ code: "LOAD_INTERRUPTED", message: "The run was interrupted before it began", hint }));
    } else this.#tell({ kind: "interrupt" });
  }

  #tell(message: ToThread): void {
    for (const thread of this.#threads) thread.postMessage(message);
  }
}

function noConnection(fault: ConnectFault | null): Failure {
  const message = `Cannot measure: ${fault?.message ?? "no connection stayed open"}`;
  if (fault?.kind === "tls")
    return { code: "LOAD_TLS_FAILED", message, hint: "See --insecure, --ca and --servername; does this port speak TLS?" };
  return { code: "LOAD_UNREACHABLE", message, hint: "Is it an HTTP server, and has it room for this many connections?" };
}
