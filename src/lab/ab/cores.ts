/**
 * Cores: the server on one, the load on another, so that neither takes the
 * other's time and CPU per request means the same in every round. Uses
 * taskset(1); where it is missing, or only one core is ours, nothing is pinned
 * and the result says so.
 */
import { spawnSync } from "node:child_process";
import { readKernelFile } from "../kernel-files.ts";

export interface Pinning {
  /** Null: not pinned, and why. */
  readonly serverCore: number | null;
  readonly loadCore: number | null;
  readonly unpinnedBecause: string | null;
  /** Server and load have two hyper-threads of one core: nothing better was allowed. */
  readonly sharesCore: boolean;
  /** The command as it has to be started. */
  serverCommand(command: readonly string[]): readonly string[];
  /** Puts this process, all its threads, back where it was. */
  release(): void;
}

/** Moves this process to the load's core until it is released. */
export function pinCores(): Pinning {
  const allowed = parseCores(/^Cpus_allowed_list:\s*(\S+)/m.exec(readKernelFile("/proc/self/status"))?.[1] ?? "");
  const pair = choosePair(allowed, (core) =>
    parseCores(readKernelFile(`/sys/devices/system/cpu/cpu${core}/topology/thread_siblings_list`).trim()),
  );
  if (pair === null) return unpinned(allowed.length === 1 ? "only one core is allowed" : "this system doesn't say which cores are allowed");
  const { serverCore, loadCore, sharesCore } = pair;
  const moved = moveSelf([loadCore]);
  if (moved !== null) return unpinned(moved);
  return {
    serverCore,
    loadCore,
    unpinnedBecause: null,
    sharesCore,
    serverCommand: (command) => ["taskset", "-c", String(serverCore), ...command],
    release: () => void moveSelf(allowed),
  };
}

export function unpinned(unpinnedBecause: string): Pinning {
  return { serverCore: null, loadCore: null, unpinnedBecause, sharesCore: false, serverCommand: (command) => command, release: () => {} };
}

/** The first core and the last that is not its hyper-thread; null with fewer than two cores. */
export function choosePair(
  allowed: readonly number[],
  siblingsOf: (core: number) => readonly number[],
): (Pick<Pinning, "sharesCore"> & { readonly serverCore: number; readonly loadCore: number }) | null {
  const [serverCore] = allowed;
  if (serverCore === undefined || allowed.length < 2) return null;
  const siblings = siblingsOf(serverCore);
  const apart = allowed.findLast((core) => core !== serverCore && !siblings.includes(core));
  return { serverCore, loadCore: apart ?? allowed.at(-1)!, sharesCore: apart === undefined };
}

/** "0-2,5" -> 0, 1, 2, 5. */
export function parseCores(text: string): number[] {
  return text.split(",").flatMap((part) => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (match === null) return [];
    const first = Number(match[1]);
    return Array.from({ length: Number(match[2] ?? first) - first + 1 }, (_, at) => first + at);
  });
}

/** Null when it is done, else why not. */
function moveSelf(cores: readonly number[]): string | null {
  const { error, status, stderr } = spawnSync("taskset", ["-a", "-c", "-p", cores.join(","), String(process.pid)], { encoding: "utf8" });
  if (error !== undefined) return "taskset is not installed";
  return status === 0 ? null : `taskset refused: ${stderr.trim()}`;
}
