/**
 * List jobs: one process at a time, because two would need twice the memory.
 * What starts it is loaded with the first: a mirror's start doesn't wait for it.
 */
import { fail, type Result } from "../../base/result.ts";
import { MIRROR_STOPPING, type StoreFault } from "../../store/store-fault.ts";
import type { ListJob, ListJobReply } from "./list-job.ts";
import type { ListRun } from "./list-process.ts";

export class ListJobs {
  #last: Promise<unknown> = Promise.resolve();
  #running: ListRun | null = null;
  #isClosed = false;

  run(job: ListJob): Promise<Result<ListJobReply, StoreFault>> {
    const result = this.#last.then(() => this.#run(job));
    this.#last = result.catch(() => null);
    return result;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#running?.end();
    await this.#last;
  }

  async #run(job: ListJob): Promise<Result<ListJobReply, StoreFault>> {
    const { startListProcess } = await import("./list-process.ts");
    if (this.#isClosed) return fail(MIRROR_STOPPING);
    this.#running = startListProcess(job);
    try {
      return await this.#running.result;
    } finally {
      this.#running = null;
    }
  }
}
