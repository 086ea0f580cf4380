/**
 * Spare isolates: one isolate with its context, opened ahead for the next cold
 * start. Opening them is most of what a cold start costs (2 of 3 ms), and the
 * same for every function until its code is compiled. Made only after a first
 * cold start, a moment later, so that a quiet worker holds none and calls in
 * progress are not held up: on one core, V8 opening an isolate here and a cold
 * guest being compiled in the pool take each other's time.
 */
import ivm from "isolated-vm";
import { isPoolIdle } from "./turn-runner.ts";

/** Long enough for the answer that is being given, short against the next cold start. */
const REFILL_DELAY_MS = 2;
/** With always something in the pool, the next cold start needs a spare all the same. */
const REFILL_WAIT_MAX_MS = 20;

export interface OpenIsolate {
  readonly isolate: ivm.Isolate;
  /** Made ahead; null for an isolate that was opened on demand. */
  readonly context: ivm.Context | null;
  /** Who is to blame when V8 gives up on it. */
  readonly owner: { functionId: string };
}

export class SpareIsolates {
  readonly #snapshot: ivm.ExternalCopy<ArrayBuffer>;
  readonly #onCatastrophe: (functionId: string, message: string) => void;
  #spare: OpenIsolate | null = null;
  #spareMemoryMib = 0;
  #refilling = false;
  #closed = false;

  constructor(snapshot: ivm.ExternalCopy<ArrayBuffer>, onCatastrophe: (functionId: string, message: string) => void) {
    this.#snapshot = snapshot;
    this.#onCatastrophe = onCatastrophe;
  }

  /** An isolate for this function: the spare one when its limit fits, else a new one. */
  take(functionId: string, memoryMib: number): OpenIsolate {
    const spare = this.#spare;
    if (spare === null || this.#spareMemoryMib !== memoryMib) {
      this.#refill(memoryMib);
      return this.#open(functionId, memoryMib);
    }
    this.#spare = null;
    spare.owner.functionId = functionId;
    this.#refill(memoryMib);
    return spare;
  }

  close(): void {
    this.#closed = true;
    this.#drop();
  }

  #open(functionId: string, memoryMib: number): OpenIsolate {
    const owner = { functionId };
    const isolate = new ivm.Isolate({
      memoryLimit: memoryMib,
      snapshot: this.#snapshot,
      onCatastrophicError: (message) => this.#onCatastrophe(owner.functionId, message),
    });
    return { isolate, context: null, owner };
  }

  /** Keeps a spare of the size that was asked for last: most functions share one. */
  #refill(memoryMib: number): void {
    if (this.#refilling || this.#closed) return;
    this.#refilling = true;
    const latestMs = performance.now() + REFILL_WAIT_MAX_MS;
    const whenIdle = (): void => {
      if (isPoolIdle() || performance.now() >= latestMs) void this.#makeSpare(memoryMib);
      else setTimeout(whenIdle, 1).unref();
    };
    setTimeout(whenIdle, REFILL_DELAY_MS).unref();
  }

  async #makeSpare(memoryMib: number): Promise<void> {
    try {
      if (this.#closed) return;
      const opened = this.#open("(spare)", memoryMib);
      const context = await opened.isolate.createContext();
      this.#drop();
      this.#spare = { ...opened, context };
      this.#spareMemoryMib = memoryMib;
      if (this.#closed) this.#drop();
    } finally {
      this.#refilling = false;
    }
  }

  #drop(): void {
    this.#spare?.isolate.dispose();
    this.#spare = null;
  }
}
