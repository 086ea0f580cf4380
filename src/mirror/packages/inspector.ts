/**
 * Inspector: has files of the folder of packages read in a thread of its own.
 * It goes when it had nothing to do for a while: after a folder has been read
 * once, little changes in it.
 */
import { fail } from "../../base/result.ts";
import { ThreadClient, type ThreadFailure } from "../../base/thread-client.ts";
import { SECOND_MS } from "../../base/units.ts";
import type { Inspection } from "./inspect-file.ts";

const IDLE_MAX_MS = 5 * SECOND_MS;
const HEAP_MAX_MIB = 128;

export interface InspectRequest {
  readonly path: string;
  readonly isZip: boolean;
}

export class Inspector {
  readonly #thread = new ThreadClient<InspectRequest, Inspection>({
    program: "mirror/packages/inspect-thread",
    heapMaxMib: HEAP_MAX_MIB,
    idleMaxMs: IDLE_MAX_MS,
  });

  async inspect(path: string, isZip: boolean): Promise<Inspection> {
    const asked = await this.#thread.ask({ path, isZip });
    return asked.ok ? asked.value : fail({ stamp: null, reason: reasonOf(asked.failure) });
  }

  close(): Promise<void> {
    return this.#thread.close();
  }
}

function reasonOf(failure: ThreadFailure): string {
  if (failure.code !== "THREAD_LOST") return "the mirror is stopping";
  return `the thread that reads it was lost: ${failure.reason.split("\n", 1)[0]}`;
}
