/**
 * Store client: a process's side of its store thread. A disk that hangs must
 * not fill the memory: what waits is bounded.
 */
import { fail, type Result } from "../base/result.ts";
import { ThreadClient } from "../base/thread-client.ts";
import { SERVER_STOPPING, type StoreFault, type ThreadNames, threadFault } from "./store-fault.ts";
import type { StoreReply, StoreRequest, TableKind, Tables } from "./tables.ts";

const PENDING_MAX = 10_000;
const HEAP_MAX_MIB = 256;
const NAMES: ThreadNames = {
  thread: "The store thread",
  tooMany: "requests to the store are waiting: its disk is too slow for them",
  stopping: SERVER_STOPPING,
};

type Method<Table> = { [Name in keyof Table]: Table[Name] extends (...args: never[]) => unknown ? Name : never }[keyof Table] & string;
// biome-ignore lint/suspicious/noExplicitAny: only so is a method's type taken apart.
type Call = (...args: any[]) => unknown;

export type StoreResult<Value> = Promise<Result<Value, StoreFault>>;

export class StoreClient {
  readonly dataDir: string;
  readonly #thread: ThreadClient<StoreRequest, StoreReply>;

  constructor(dataDir: string) {
    this.dataDir = dataDir;
    this.#thread = new ThreadClient({
      program: "store/store-thread",
      workerData: { dataDir },
      heapMaxMib: HEAP_MAX_MIB,
      pendingMax: PENDING_MAX,
      closesItself: true,
    });
  }

  /** Resolves when what was written is where `synchronous` of its kind says. */
  async run<Kind extends TableKind, Name extends Method<Tables[Kind]>>(
    kind: Kind,
    name: string,
    method: Name,
    ...args: Tables[Kind][Name] extends Call ? Parameters<Tables[Kind][Name]> : never
  ): StoreResult<Tables[Kind][Name] extends Call ? ReturnType<Tables[Kind][Name]> : never> {
    const asked = await this.#thread.ask({ kind, name, method, args });
    return asked.ok ? (asked.value as Result<never, StoreFault>) : fail(threadFault(asked.failure, NAMES));
  }

  /** Waits for what was asked before. */
  close(): Promise<void> {
    return this.#thread.close();
  }
}
