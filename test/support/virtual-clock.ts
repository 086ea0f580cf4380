/**
 * Virtual clock: time that passes when a test says so. Timers ring in their order,
 * and after each all promises settle, so that hours of a pool's life take a moment
 * and are the same in every run.
 */
import { setImmediate as settle } from "node:timers/promises";
import type { PoolClock } from "../../src/engines/process/pool/pool-clock.ts";

interface Timer {
  readonly atMs: number;
  readonly ring: () => void;
}

export class VirtualClock implements PoolClock {
  #nowMs = 0;
  /** In the order of ringing; of two for the same moment the one set first. */
  readonly #timers: Timer[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  after(ms: number, ring: () => void): () => void {
    const timer = { atMs: this.#nowMs + Math.max(0, ms), ring };
    let place = this.#timers.length;
    while (place > 0 && this.#timers[place - 1]!.atMs > timer.atMs) place--;
    this.#timers.splice(place, 0, timer);
    return () => {
      const at = this.#timers.indexOf(timer);
      if (at >= 0) this.#timers.splice(at, 1);
    };
  }

  get pendingCount(): number {
    return this.#timers.length;
  }

  /** Lets `ms` pass. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    while (this.#timers.length > 0 && this.#timers[0]!.atMs <= untilMs) {
      const { atMs, ring } = this.#timers.shift()!;
      this.#nowMs = atMs;
      ring();
      await settle();
    }
    this.#nowMs = untilMs;
  }
}
