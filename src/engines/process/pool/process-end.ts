/**
 * Process end: two small things that everybody does with a process: to wait for
 * its end for so long, and to end it in two steps.
 */
import type { LaunchedProcess, ProcessEnd } from "../launch/launched.ts";
import type { PoolClock } from "./pool-clock.ts";

/** How it ended; null when that takes longer. */
export function endWithin({ ended }: LaunchedProcess, clock: PoolClock, waitMs: number): Promise<ProcessEnd | null> {
  return new Promise((resolve) => {
    const forget = clock.after(waitMs, () => resolve(null));
    void ended.then((end) => {
      forget();
      resolve(end);
    });
  });
}

/** SIGTERM, and SIGKILL to one that takes longer. */
export function terminateWithin(process: LaunchedProcess, clock: PoolClock, stopTimeoutMs: number): void {
  process.terminate();
  const forget = clock.after(stopTimeoutMs, () => process.kill());
  void process.ended.then(forget);
}
