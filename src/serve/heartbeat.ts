/**
 * Heartbeat: has a worker been silent for too long? A pulse is pure: whoever has
 * it ticks at a steady interval (everyTick) and says how long the tick took.
 * Silence is summed from ticks, each less what it was late by: a supervisor
 * that was itself suspended (a closed laptop, a stopped process, a stalled
 * terminal) or starved (more work than processors) has no right to call its
 * workers silent. Their beats may be queued in its channel, or starve as it did.
 */
export const HEARTBEAT_TICK_MS = 500;
export const SILENCE_MAX_MS = 5_000;
/** However late a tick is, it counts for so much: no machine is so busy that a stuck worker stays for ever. */
const TICK_MIN_MS = HEARTBEAT_TICK_MS / 4;
/** Booting may wait for a cold disk or for thirty other workers. */
export const BOOT_MAX_MS = 60_000;

export interface Pulse {
  /** Any message proves life, not only a heartbeat. */
  beat(): void;
  /** One tick has passed; true when the worker must be taken for stuck. */
  tick(elapsedMs: number): boolean;
}

export function createPulse(): Pulse {
  let silentMs = 0;
  let booted = false;
  return {
    beat() {
      silentMs = 0;
      booted = true;
    },
    tick(elapsedMs) {
      const lateMs = Math.max(0, elapsedMs - HEARTBEAT_TICK_MS);
      silentMs += Math.max(TICK_MIN_MS, HEARTBEAT_TICK_MS - lateMs);
      return silentMs > (booted ? SILENCE_MAX_MS : BOOT_MAX_MS);
    },
  };
}

/** Calls `tick` with the milliseconds since the last one, until the function that it returns is called. */
export function everyTick(tick: (elapsedMs: number) => void): () => void {
  let lastMs = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    const elapsedMs = nowMs - lastMs;
    lastMs = nowMs;
    tick(elapsedMs);
  }, HEARTBEAT_TICK_MS);
  return () => clearInterval(timer);
}
