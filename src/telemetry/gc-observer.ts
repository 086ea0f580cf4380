/**
 * Garbage collections of this process's main isolate, counted by Node's own
 * observer. isolated-vm reports none for the isolates of functions.
 */
import { PerformanceObserver } from "node:perf_hooks";

export class GcObserver {
  count = 0;
  pauseSumUs = 0;
  readonly #observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      this.count++;
      this.pauseSumUs += entry.duration * 1_000;
    }
  });

  start(): void {
    this.#observer.observe({ entryTypes: ["gc"] });
  }
}
