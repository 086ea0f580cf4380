/**
 * Thread client: asks a program that runs on a thread of its own. The thread is
 * started by the first question, keeps no process alive while it has none, and
 * may end when it had none for a while. One that dies fails what it had, with
 * the reason; the next question starts another, or after deaths in a row the
 * first that comes when a while has passed. Questions beyond a bound are
 * refused, not queued: what hangs must not fill the memory. The thread's side
 * is thread-service.ts, which this must not load.
 */
import type { Worker } from "node:worker_threads";
import { createBackoff } from "./backoff.ts";
import { builtin } from "./builtin.ts";
import { threadEnv } from "./compile-cache.ts";
import { programFile } from "./package-files.ts";
import { fail, ok, type Result } from "./result.ts";
import type { ThreadAnswer, ThreadQuestion } from "./thread-service.ts";

export interface ThreadOptions {
  /** As `programFile` takes it. */
  readonly program: string;
  readonly workerData?: unknown;
  readonly heapMaxMib: number;
  /** Questions under way; any number unless told. */
  readonly pendingMax?: number;
  /** A thread that was asked nothing for so long ends, and gives back its memory; never unless told. */
  readonly idleMaxMs?: number;
  /** It ends when it was told to and has answered what was asked before; any other is ended wherever it is. */
  readonly closesItself?: boolean;
  /** Deaths in a row are waited out. The first is not: it may be of somebody's question, which nobody else should wait for. */
  readonly backsOff?: boolean;
  /** It died: is it known of what, so that it won't of that again? Nobody waits then. */
  isExplained?(): boolean;
  /** Of a clock that never jumps; the world, for tests. */
  nowMs?(): number;
  /** It begins with what it was asked. */
  onOnline?(): void;
  /** It died, or could not be started. */
  onLost?(reason: string): void;
}

export type ThreadFailure =
  /** `reason` has the stack of what ended it. */
  | { readonly code: "THREAD_LOST"; readonly reason: string }
  | { readonly code: "THREAD_BUSY"; readonly pendingMax: number }
  /** Deaths in a row; nobody starts it again just now. */
  | { readonly code: "THREAD_RESTS"; readonly deaths: number }
  | { readonly code: "THREAD_CLOSED" };

const CLOSED = fail<ThreadFailure>({ code: "THREAD_CLOSED" });

export class ThreadClient<Question, Answer> {
  readonly #options: ThreadOptions;
  /** All of them with the thread that runs now. */
  readonly #pending = new Map<number, (result: Result<Answer, ThreadFailure>) => void>();
  #worker: Worker | null = null;
  #isOnline = false;
  #idle: NodeJS.Timeout | null = null;
  readonly #nowMs: () => number;
  readonly #backoff = createBackoff();
  #startedAtMs = 0;
  #startableAtMs = Number.NEGATIVE_INFINITY;
  #questionCount = 0;
  #isClosed = false;

  constructor(options: ThreadOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  get isRunning(): boolean {
    return this.#worker !== null;
  }

  get isOnline(): boolean {
    return this.#isOnline;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** With buffers of the question that this thread gives away. */
  ask(question: Question, buffers: readonly ArrayBuffer[] = []): Promise<Result<Answer, ThreadFailure>> {
    const { pendingMax = Number.POSITIVE_INFINITY } = this.#options;
    if (this.#isClosed) return Promise.resolve(CLOSED);
    if (this.#pending.size >= pendingMax) return Promise.resolve(fail({ code: "THREAD_BUSY", pendingMax }));
    if (this.#worker === null && this.#nowMs() < this.#startableAtMs)
      return Promise.resolve(fail({ code: "THREAD_RESTS", deaths: this.#backoff.deaths }));
    try {
      this.#worker ??= this.#started();
    } catch (error) {
      // The system may have no thread left, or no memory for one.
      return Promise.resolve(this.#died(`it could not be started: ${(error as Error).message}`));
    }
    const id = ++this.#questionCount;
    this.#worker.ref();
    this.#worker.postMessage({ id, question } satisfies ThreadQuestion<Question>, [...buffers]);
    const { promise, resolve } = Promise.withResolvers<Result<Answer, ThreadFailure>>();
    this.#pending.set(id, resolve);
    return promise;
  }

  /** Ends the thread wherever it is; what it had fails. Resolves when it has ended, which may be late, or never. */
  async giveUp(reason: string): Promise<void> {
    const worker = this.#worker;
    if (worker === null) return;
    this.#leave();
    this.#failAll(fail({ code: "THREAD_LOST", reason }));
    await worker.terminate();
  }

  /** Resolves when the thread has ended; what it had not answered by then fails. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#idle !== null) clearTimeout(this.#idle);
    const worker = this.#worker;
    if (worker === null) return;
    // Whoever closes waits for the thread's end: it must keep the process alive.
    worker.ref();
    const ended = new Promise<void>((resolve) => {
      worker.once("exit", () => resolve());
    });
    this.#end(worker);
    await ended;
    this.#failAll(CLOSED);
  }

  #started(): Worker {
    const { program, workerData, heapMaxMib } = this.#options;
    this.#startedAtMs = this.#nowMs();
    const worker = new builtin.workerThreads.Worker(programFile(program), {
      workerData,
      env: threadEnv(),
      resourceLimits: { maxOldGenerationSizeMb: heapMaxMib },
    });
    worker.once("online", () => {
      if (this.#worker !== worker) return;
      this.#isOnline = true;
      this.#options.onOnline?.();
    });
    worker.on("message", (answers: readonly ThreadAnswer<Answer>[]) => {
      for (const { id, answer } of answers) this.#settle(id, ok(answer));
      // One that is closing keeps the process alive to its end.
      if (this.#worker === worker && this.#pending.size === 0) this.#rest(worker);
    });
    let reason = "it ended";
    worker.on("error", (error: Error) => {
      reason = error.stack ?? error.message;
    });
    worker.on("exit", () => {
      // One that was told to end, or given up, has nothing of ours.
      if (this.#worker !== worker) return;
      this.#leave();
      this.#failAll(this.#died(reason));
    });
    return worker;
  }

  #died(reason: string): Result<never, ThreadFailure> {
    if (this.#options.isExplained?.() !== true && this.#options.backsOff === true) {
      const nowMs = this.#nowMs();
      const waitMs = this.#backoff.died(nowMs - this.#startedAtMs);
      if (this.#backoff.deaths > 1) this.#startableAtMs = nowMs + waitMs;
    }
    this.#options.onLost?.(reason);
    return fail({ code: "THREAD_LOST", reason });
  }

  /** An idle thread keeps no process alive, and itself only for a while. */
  #rest(worker: Worker): void {
    worker.unref();
    const { idleMaxMs } = this.#options;
    if (idleMaxMs === undefined) return;
    if (this.#idle !== null) {
      this.#idle.refresh();
      return;
    }
    this.#idle = setTimeout(() => {
      if (this.#pending.size === 0 && this.#worker !== null) this.#end(this.#worker);
    }, idleMaxMs).unref();
  }

  #end(worker: Worker): void {
    this.#leave();
    if (this.#options.closesItself === true) worker.postMessage(null);
    else void worker.terminate();
  }

  #leave(): void {
    this.#worker = null;
    this.#isOnline = false;
  }

  #failAll(failure: Result<never, ThreadFailure>): void {
    for (const id of [...this.#pending.keys()]) this.#settle(id, failure);
  }

  #settle(id: number, result: Result<Answer, ThreadFailure>): void {
    const settle = this.#pending.get(id);
    this.#pending.delete(id);
    settle?.(result);
  }
}
