/**
 * Writable folders: those that functions may change (`allow.dir` with :rw).
 * Workers run under Node's permission model, and a process's rights can't grow:
 * where a deployment needs more than a worker was started with, another takes
 * its place.
 */
import type { Deployment } from "./function-spec.ts";
import { DRAIN_GRACE_MS, type WorkerSlot } from "./worker-slot.ts";

export function writableFoldersOf({ functions }: Deployment): string[] {
  return [...new Set(functions.flatMap(({ folders }) => folders.flatMap(({ hostPath, isWritable }) => (isWritable ? hostPath : []))))];
}

export function replaceWithoutRights(slots: Iterable<WorkerSlot>, deployment: Deployment): void {
  const needed = writableFoldersOf(deployment);
  for (const slot of slots) {
    const { worker } = slot;
    const isUnable = worker !== null && needed.some((folder) => !worker.writableFolders.includes(folder));
    if (isUnable) slot.replace(worker, "rights", DRAIN_GRACE_MS);
  }
}
