/**
 * Inspector: has files of the folder of packages read in a thread of its own.
 * The thread starts with the first file and goes when it had nothing to do for
 * a while: after a folder has been read once, little changes in it.
 */
import { Worker } from "node:worker_threads";
import { programFile } from "../../base/package-files.ts";
import { fail } from "../../base/result.ts";
import type { Inspection } from "./inspect-file.ts";

const IDLE_MAX_MS = 5_000;
const HEAP_MAX_MIB = 128;

export interface InspectRequest {
  readonly id: number;
  readonly path: string;
  readonly isZip: boolean;
}

export class Inspector {
  readonly #waiting = new Map<number, (inspection: Inspection) => void>();
  #worker: Worker | null = null;
  #idle: NodeJS.Timeout | null = null;
  #requestCount = 0;

  inspect(path: string, isZip: boolean): Promise<Inspection> {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    this.#worker ??= this.#start();
    this.#worker.ref();
    const { promise, resolve } = Promise.withResolvers<Inspection>();
    const request: InspectRequest = { id: this.#requestCount++, path, isZip };
    this.#waiting.set(request.id, resolve);
    this.#worker.postMessage(request);
    return promise;
  }

  close(): void {
    if (this.#worker !== null) this.#lose(this.#worker, "the mirror is stopping");
  }

  #start(): Worker {
    const worker = new Worker(programFile("mirror/packages/inspect-thread"), { resourceLimits: { maxOldGenerationSizeMb: HEAP_MAX_MIB } });
    worker.on("message", ({ id, inspection }: { readonly id: number; readonly inspection: Inspection }) => {
      this.#waiting.get(id)?.(inspection);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) this.#rest(worker);
    });
    worker.on("error", (error) => this.#lose(worker, `the thread that reads it failed: ${(error as Error).message}`));
    worker.on("exit", () => this.#lose(worker, "the thread that reads it ended"));
    return worker;
  }

  #rest(worker: Worker): void {
    worker.unref();
    this.#idle = setTimeout(() => this.#lose(worker, "it was not read"), IDLE_MAX_MS).unref();
  }

  #lose(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    void worker.terminate();
    for (const resolve of this.#waiting.values()) resolve(fail({ stamp: null, reason }));
    this.#waiting.clear();
  }
}
