/**
 * Page client: the event loop's side of the page thread, which is started by
 * the first request that what is ready in the database can't answer. Requests
 * beyond a bound are refused, not queued. A thread that dies fails what it had;
 * the next request starts another.
 */
import type { Worker } from "node:worker_threads";
import { builtin } from "../../base/builtin.ts";
import { threadEnv } from "../../base/compile-cache.ts";
import { programFile } from "../../base/package-files.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import { MINUTE_MS } from "../../base/units.ts";
import { MIRROR_STOPPING, type StoreFault } from "../../store/store-fault.ts";
import type { PageBody } from "../simple/format.ts";
import type { KeptAnswer } from "./kept-answer.ts";
import type { ArgumentsOf, PageMethod, PageReply, PageRequest, ValueOf } from "./page-messages.ts";
import type { PageServiceSettings, PageSource, RenderedForm } from "./page-service.ts";
import type { PageCoding } from "./pages.ts";
import { ReadyPages } from "./ready-pages.ts";

const PENDING_MAX = 10_000;
/** A page at its limit takes its text, the parsed values and what is rendered of them. */
const HEAP_MAX_MIB = 256;
/** A thread that nobody needed for so long ends, and gives back its memory: what is asked for often is ready without it. */
const IDLE_MAX_MS = 5 * MINUTE_MS;

type Settle = (result: Result<never, StoreFault>) => void;

export interface PageClientOptions {
  readonly settings: PageServiceSettings;
  /** The database could not take or give something; answers go on without. */
  onFault(fault: StoreFault): void;
  onLost(reason: string): void;
  readonly idleMaxMs?: number;
}

export class PageClient {
  readonly #options: PageClientOptions;
  readonly #ready: ReadyPages;
  readonly #pending = new Map<number, Settle>();
  #worker: Worker | null = null;
  #idle: NodeJS.Timeout | null = null;
  #requestCount = 0;
  #projectCount: number | null = null;
  #isClosed = false;

  constructor(options: PageClientOptions) {
    this.#options = options;
    this.#ready = new ReadyPages(options.settings.file, options.settings.policy);
  }

  /** Projects in the database, as of the last reply. */
  get projectCount(): number {
    if (this.#projectCount === null && this.#isResting) this.#projectCount = this.#ready.projectCount();
    return this.#projectCount ?? 0;
  }

  async look(project: string): Promise<Result<KeptAnswer[], StoreFault>> {
    const ready = this.#isResting ? this.#ready.look(project) : null;
    return ready === null ? this.call("look", project) : ok(ready);
  }

  async render(source: PageSource, body: PageBody, coding: PageCoding, nowMs: number): Promise<Result<RenderedForm | null, StoreFault>> {
    const ready = this.#isResting ? this.#ready.form(source, body, coding, nowMs) : null;
    return ready === null ? this.call("render", source, body, coding, nowMs) : ok(ready);
  }

  call<Name extends PageMethod>(method: Name, ...args: ArgumentsOf<Name>): Promise<Result<ValueOf<Name>, StoreFault>> {
    return this.transfer(method, [], ...args);
  }

  /** With buffers among the arguments that this thread gives away. */
  transfer<Name extends PageMethod>(
    method: Name,
    buffers: readonly ArrayBuffer[],
    ...args: ArgumentsOf<Name>
  ): Promise<Result<ValueOf<Name>, StoreFault>> {
    if (this.#isClosed) return Promise.resolve(fail(MIRROR_STOPPING));
    if (this.#pending.size >= PENDING_MAX) {
      const message = `${PENDING_MAX} requests for pages are waiting: the machine is too slow for them. Try again later`;
      return Promise.resolve(fail({ code: "BUSY", message }));
    }
    const id = ++this.#requestCount;
    const { promise, resolve } = Promise.withResolvers<Result<never, StoreFault>>();
    this.#pending.set(id, resolve);
    this.#worker ??= this.#started();
    this.#worker.ref();
    this.#worker.postMessage({ id, method, args } satisfies PageRequest, [...buffers]);
    return promise;
  }

  /** What is under way fails: whoever closes no longer answers anybody. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#ready.close();
    if (this.#idle !== null) clearTimeout(this.#idle);
    const worker = this.#worker;
    if (worker === null) return;
    worker.ref();
    const ended = new Promise<void>((resolve) => {
      worker.once("exit", () => resolve());
    });
    this.#end(worker);
    await ended;
    for (const id of [...this.#pending.keys()]) this.#settle(id, fail(MIRROR_STOPPING));
  }

  /** While the thread runs, what it was told to write comes before what is read. */
  get #isResting(): boolean {
    return this.#worker === null && !this.#isClosed;
  }

  #started(): Worker {
    this.#ready.close();
    const worker = new builtin.workerThreads.Worker(programFile("mirror/pages/page-thread"), {
      workerData: this.#options.settings,
      env: threadEnv(),
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MAX_MIB },
    });
    let why = "it ended";
    worker.on("message", ({ id, value, projectCount, faults }: PageReply) => {
      this.#projectCount = projectCount;
      for (const fault of faults) this.#options.onFault(fault);
      this.#settle(id, ok(value as never));
      // Whoever closes waits for the thread's end: it must keep the process alive.
      if (this.#pending.size === 0 && !this.#isClosed) this.#rest(worker);
    });
    worker.on("error", (error: Error) => {
      why = error.stack ?? error.message;
    });
    worker.on("exit", () => {
      // One that was told to end had nothing left to do.
      if (this.#worker !== worker) return;
      this.#worker = null;
      this.#options.onLost(why);
      const message = `The page thread was lost: ${why}`;
      for (const id of [...this.#pending.keys()]) this.#settle(id, fail({ code: "STORAGE_FAILED", message }));
    });
    return worker;
  }

  /** An idle thread keeps no process alive, and itself only for a while. */
  #rest(worker: Worker): void {
    worker.unref();
    if (this.#idle !== null) {
      this.#idle.refresh();
      return;
    }
    const { idleMaxMs = IDLE_MAX_MS } = this.#options;
    this.#idle = setTimeout(() => {
      if (this.#pending.size === 0 && this.#worker !== null) this.#end(this.#worker);
    }, idleMaxMs).unref();
  }

  #end(worker: Worker): void {
    this.#worker = null;
    worker.postMessage({ id: null, method: "close", args: [] });
  }

  #settle(id: number, result: Result<never, StoreFault>): void {
    const settle = this.#pending.get(id);
    this.#pending.delete(id);
    settle?.(result);
  }
}
