/**
 * Sandbox budget: keeps the memory of open sandboxes under a sum by closing
 * idle ones, least recently used first. Called after every opening and on every
 * heartbeat; measures only what is cheap to measure.
 */
export interface Evictable {
  readonly idleSandbox: boolean;
  readonly lastCallMs: number;
  heapUsedBytes(): number;
  evict(): void;
}

/** Isolate, context and code beside the heap that V8 reports; measured, see docs/performance.md. */
const SANDBOX_OVERHEAD_BYTES = 512 * 1024;

/** Closes idle sandboxes until the rest fits. Returns how many it closed. */
export function enforceBudget(open: Iterable<Evictable>, budgetBytes: number): number {
  const measured = [...open].map((runtime) => ({ runtime, bytes: runtime.heapUsedBytes() + SANDBOX_OVERHEAD_BYTES }));
  let sumBytes = 0;
  for (const { bytes } of measured) sumBytes += bytes;
  if (sumBytes <= budgetBytes) return 0;
  let closedCount = 0;
  const idle = measured.filter(({ runtime }) => runtime.idleSandbox).sort((a, b) => a.runtime.lastCallMs - b.runtime.lastCallMs);
  for (const { runtime, bytes } of idle) {
    if (sumBytes <= budgetBytes) break;
    runtime.evict();
    sumBytes -= bytes;
    closedCount++;
  }
  return closedCount;
}
