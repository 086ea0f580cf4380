/**
 * Store client: a process's side of its store thread, which is started by the
 * first request. Requests beyond a bound are refused, not queued: a disk that
 * hangs must not fill the memory. A thread that dies fails what it had; the
 * next request starts another.
 */
import type { Worker } from "node:worker_threads";
import { builtin } from "../base/builtin.ts";
import { threadEnv } from "../base/compile-cache.ts";
import { programFile } from "../base/package-files.ts";
import { fail, ok, type Result } from "../base/result.ts";
import { SERVER_STOPPING, type StoreFault } from "./store-fault.ts";
import type { StoreReply, StoreRequest, TableKind, Tables } from "./tables.ts";

const PENDING_MAX = 10_000;
const HEAP_MAX_MIB = 256;

type Method<Table> = { [Name in keyof Table]: Table[Name] extends (...args: never[]) => unknown ? Name : never }[keyof Table] & string;
// biome-ignore lint/suspicious/noExplicitAny: only so is a method's type taken apart.
type Call = (...args: any[]) => unknown;

export type StoreResult<Value> = Promise<Result<Value, StoreFault>>;

export class StoreClient {
  readonly dataDir: string;
  readonly #pending = new Map<number, (result: Result<never, StoreFault>) => void>();
  #worker: Worker | null = null;
  #requestCount = 0;
  #closed = false;

  constructor(dataDir: string) {
    this.dataDir = dataDir;
  }

  /** Resolves when what was written is where `synchronous` of its kind says. */
  run<Kind extends TableKind, Name extends Method<Tables[Kind]>>(
    kind: Kind,
    name: string,
    method: Name,
    ...args: Tables[Kind][Name] extends Call ? Parameters<Tables[Kind][Name]> : never
  ): StoreResult<Tables[Kind][Name] extends Call ? ReturnType<Tables[Kind][Name]> : never> {
    if (this.#closed) return Promise.resolve(fail(SERVER_STOPPING));
    if (this.#pending.size >= PENDING_MAX) {
      const message = `${PENDING_MAX} requests to the store are waiting: its disk is too slow for them. Try again later`;
      return Promise.resolve(fail({ code: "BUSY", message }));
    }
    const id = ++this.#requestCount;
    const { promise, resolve } = Promise.withResolvers<Result<never, StoreFault>>();
    this.#pending.set(id, resolve);
    this.#worker ??= this.#started();
    this.#worker.ref();
    this.#worker.postMessage({ id, kind, name, method, args } satisfies StoreRequest);
    return promise;
  }

  /** Waits for what was asked before. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#pending.keys()].map((id) => this.#ended(id)));
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }

  #ended(id: number): Promise<void> {
    return new Promise((done) => {
      const resolve = this.#pending.get(id)!;
      this.#pending.set(id, (result) => {
        resolve(result);
        done();
      });
    });
  }

  #started(): Worker {
    const worker = new builtin.workerThreads.Worker(programFile("store/store-thread"), {
      workerData: { dataDir: this.dataDir },
      env: threadEnv(),
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MAX_MIB },
    });
    let why = "it ended";
    worker.on("message", (replies: StoreReply[]) => {
      for (const reply of replies) this.#settle(reply.id, reply.ok ? (ok(reply.value) as Result<never, StoreFault>) : fail(reply.fault));
      // An idle store keeps no process alive.
      if (this.#pending.size === 0) worker.unref();
    });
    worker.on("error", (error: Error) => {
      why = error.stack ?? error.message;
    });
    worker.on("exit", () => {
      if (this.#worker === worker) this.#worker = null;
      const lost = { code: "STORAGE_FAILED", message: `The store thread was lost: ${why}` } as const;
      for (const id of [...this.#pending.keys()]) this.#settle(id, fail(lost));
    });
    return worker;
  }

  #settle(id: number, result: Result<never, StoreFault>): void {
    const resolve = this.#pending.get(id);
    this.#pending.delete(id);
    resolve?.(result);
  }
}
