/**
 * Back-off: how long to wait before what died is started again.
 * 100 ms, doubled by every death up to 10 s, forgotten after 30 s of health.
 * Pure: the caller passes how long it had lived.
 */
const BACKOFF_MIN_MS = 100;
export const BACKOFF_MAX_MS = 10_000;
export const HEALTHY_AFTER_MS = 30_000;

export interface Backoff {
  /** Deaths in a row, each before it was healthy. */
  readonly deaths: number;
  /** The wait before the next start. */
  died(livedMs: number): number;
}

export function createBackoff(): Backoff {
  let deaths = 0;
  return {
    get deaths() {
      return deaths;
    },
    died(livedMs) {
      deaths = livedMs >= HEALTHY_AFTER_MS ? 1 : deaths + 1;
      return Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** (deaths - 1));
    },
  };
}
