/** Memory of one isolate: how much it takes, and what is said when it took too much. */
import type ivm from "isolated-vm";
import { MIB } from "../../base/units.ts";
import type { CallFailure } from "../engine.ts";
import { isInTurn, type TurnRunner } from "./turn-runner.ts";

export class IsolateMemory {
  readonly #isolate: ivm.Isolate;
  readonly #turns: TurnRunner;
  #lastBytes = 0;

  constructor(isolate: ivm.Isolate, turns: TurnRunner) {
    this.#isolate = isolate;
    this.#turns = turns;
  }

  /** Resident, in bytes; as it was before a turn that runs now. */
  usedBytes(): number {
    if (this.#isolate.isDisposed) return 0;
    // Statistics need the isolate's lock: never wait for a turn in the pool.
    if (!this.#turns.poolBusy && !isInTurn()) {
      const heap = this.#isolate.getHeapStatisticsSync();
      this.#lastBytes = heap.total_physical_size + heap.externally_allocated_size + heap.malloced_memory;
    }
    return this.#lastBytes;
  }
}

export function outgrownFailure({
  functionId,
  memoryMaxBytes,
}: {
  readonly functionId: string;
  readonly memoryMaxBytes: number;
}): CallFailure {
  return {
    code: "MEMORY_LIMIT_EXCEEDED",
    message: `${functionId} passed its memory limit of ${Math.round(memoryMaxBytes / MIB)} MiB`,
  };
}
