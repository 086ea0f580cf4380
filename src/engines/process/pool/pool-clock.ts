/**
 * Pool clock: all that the pool knows of time. Handed in, so that tests run
 * hours of restarts, time-outs and idleness in a moment, and the same each time.
 */
export interface PoolClock {
  /** Never falls. */
  nowMs(): number;
  /** Calls `ring` once, later. Returns what forgets it. */
  after(ms: number, ring: () => void): () => void;
}

/** setTimeout takes no more; who waits that long looks again when it rings. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export const MACHINE_CLOCK: PoolClock = {
  nowMs: () => performance.now(),
  after(ms, ring) {
    // A process that wants to leave is not kept by what a pool would do later.
    const timer = setTimeout(ring, Math.min(Math.max(0, ms), TIMER_MAX_MS)).unref();
    return () => clearTimeout(timer);
  },
};

export function pause(clock: PoolClock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}
