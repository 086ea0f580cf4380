/**
 * Heartbeat: has a worker been silent for too long? Pure: the caller ticks at
 * a steady interval and says how long the tick took.
 * Silence is summed from ticks, each counted at most twice its due, so that a
 * supervisor which was itself suspended (a closed laptop, a stopped process, a
 * stalled terminal) doesn't kill every healthy worker when it wakes up: their
 * beats of that time are still queued in its channel.
 */
export const HEARTBEAT_TICK_MS = 500;
export const SILENCE_MAX_MS = 5_000;
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
      silentMs += Math.min(elapsedMs, 2 * HEARTBEAT_TICK_MS);
      return silentMs > (booted ? SILENCE_MAX_MS : BOOT_MAX_MS);
    },
  };
}
