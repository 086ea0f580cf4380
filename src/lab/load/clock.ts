/**
 * One clock for all threads: performance.now() begins anew in each thread, so
 * it is shifted onto the system's monotonic clock, which they share.
 */
const [seconds, nanoseconds] = process.hrtime();
const shiftMs = seconds * 1_000 + nanoseconds / 1e6 - performance.now();

/** Milliseconds; only differences mean something. */
export function nowMs(): number {
  return performance.now() + shiftMs;
}
