/**
 * Worker rights: what a deployment's functions need of Node's permission model
 * beyond what every worker has: folders to change (`allow.dir` with :rw), and
 * for process functions children and the memory shared with them. A process's
 * rights can't grow: where a deployment needs more than a worker was started
 * with, another takes its place.
 */
import type { Config } from "../config/config.ts";
import type { ProcessSettings } from "../config/process-settings.ts";
import type { Deployment } from "./function-spec.ts";
import { holdsExecutable } from "./holds-executable.ts";
import { writableFoldersIn } from "./shared-folders.ts";
import { DRAIN_GRACE_MS, type WorkerSlot } from "./worker-slot.ts";

export interface WorkerRights {
  readonly writableFolders: readonly string[];
  /** To start processes, and to call into the C library: the wall is no longer one for who gets out of a sandbox (docs/security.md). */
  readonly startsProcesses: boolean;
  /** Where images of processes lie, outside the data folder (`snapshot_dir`). */
  readonly snapshotFolders: readonly string[];
}

/** `functionId` for the one of a dedicated worker. */
export function rightsOf({ functions }: Deployment, functionId: string | null): WorkerRights {
  const own = functionId === null ? functions : functions.filter(({ id }) => id === functionId);
  return {
    writableFolders: [
      ...new Set(own.flatMap(({ folders }) => folders.flatMap(({ hostPath, isWritable }) => (isWritable ? hostPath : [])))),
    ],
    startsProcesses: own.some(({ engine }) => engine === "process"),
    snapshotFolders: snapshotFoldersIn(own.map(({ process }) => process)),
  };
}

/** A guess, before there is a deployment. */
export function rightsIn(config: Config): WorkerRights {
  return {
    writableFolders: writableFoldersIn(config),
    startsProcesses: holdsExecutable(config),
    snapshotFolders: snapshotFoldersIn(Object.values(config.functions).map(({ process }) => process ?? null)),
  };
}

function snapshotFoldersIn(settings: readonly (Partial<ProcessSettings> | null)[]): string[] {
  const withImages = settings.filter((one) => one?.snapshot === "criu" || one?.snapshot === "node");
  return [...new Set(withImages.flatMap((one) => one?.snapshotDir ?? []))];
}

/** Resolves when others have taken over, or can't for now. */
export async function replaceWithoutRights(slots: readonly WorkerSlot[], deployment: Deployment): Promise<void> {
  const replaced = slots.map((slot) => {
    const { worker } = slot;
    if (worker === null) return null;
    const needed = rightsOf(deployment, slot.functionId);
    const isUnable =
      needed.writableFolders.some((folder) => !worker.rights.writableFolders.includes(folder)) ||
      needed.snapshotFolders.some((folder) => !worker.rights.snapshotFolders.includes(folder)) ||
      (needed.startsProcesses && !worker.rights.startsProcesses);
    return isUnable ? slot.replace(worker, "rights", DRAIN_GRACE_MS) : null;
  });
  await Promise.all(replaced);
}
