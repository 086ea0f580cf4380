/**
 * Sandbox budget: keeps the memory of open sandboxes under a sum by closing
 * idle ones, least recently used first. Off the path of any call, and in small
 * steps: with hundreds of sandboxes open, measuring all of them takes
 * milliseconds, and so does closing a few. One that nobody called since it was
 * measured has seldom changed (by its timers): a few of those are measured at
 * each look, in turn.
 */
export interface Evictable {
  readonly hasSandbox: boolean;
  readonly idleSandbox: boolean;
  readonly lastCallMs: number;
  heapUsedBytes(): number;
  evict(): void;
}

/** Isolate, context and code beside the heap that V8 reports; measured, see docs/performance.md. */
const SANDBOX_OVERHEAD_BYTES = 512 * 1024;
/** After an opening; more that open meanwhile are looked at together. */
const LOOK_DELAY_MS = 100;
const REMEASURED_PER_LOOK = 8;
/** Closing one takes 0.4 ms: a call that arrives meanwhile waits for no more than these. */
const CLOSED_PER_TURN = 3;

interface Measured {
  bytes: number;
  /** `lastCallMs` when it was measured; -1 before. */
  lastCallMs: number;
}

export class SandboxBudget<T extends Evictable> {
  readonly #budgetBytes: number;
  readonly #open = new Map<T, Measured>();
  #timer: NodeJS.Timeout | null = null;

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  /** It has a sandbox from now on. */
  add(runtime: T): void {
    this.#open.set(runtime, { bytes: 0, lastCallMs: -1 });
    this.#timer ??= setTimeout(() => this.keep(), LOOK_DELAY_MS).unref();
  }

  delete(runtime: T): void {
    this.#open.delete(runtime);
  }

  /** Closes idle sandboxes until the rest fits, the first few at once. */
  keep(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    let overBytes = this.#sumBytes() - this.#budgetBytes;
    if (overBytes <= 0) return;
    let closedCount = 0;
    for (const [runtime, { bytes }] of this.#idleOldestFirst()) {
      if (closedCount === CLOSED_PER_TURN) {
        // Not at once: calls that wait get their turn in between.
        this.#timer = setTimeout(() => this.keep(), 1).unref();
        return;
      }
      runtime.evict();
      this.#open.delete(runtime);
      closedCount++;
      overBytes -= bytes;
      if (overBytes <= 0) return;
    }
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#open.clear();
  }

  #sumBytes(): number {
    for (const runtime of [...this.#open.keys()].slice(0, REMEASURED_PER_LOOK)) {
      // Behind the others again.
      this.#open.delete(runtime);
      this.#open.set(runtime, { bytes: 0, lastCallMs: -1 });
    }
    let sumBytes = 0;
    for (const [runtime, measured] of this.#open) {
      if (!runtime.hasSandbox) {
        this.#open.delete(runtime);
        continue;
      }
      if (measured.lastCallMs !== runtime.lastCallMs || !runtime.idleSandbox) {
        measured.bytes = runtime.heapUsedBytes() + SANDBOX_OVERHEAD_BYTES;
        measured.lastCallMs = runtime.lastCallMs;
      }
      sumBytes += measured.bytes;
    }
    return sumBytes;
  }

  #idleOldestFirst(): [T, Measured][] {
    return [...this.#open].filter(([runtime]) => runtime.idleSandbox).sort(([a], [b]) => a.lastCallMs - b.lastCallMs);
  }
}
