/**
 * Limit holders: who sees to each limit of a process function on a machine. One
 * decision for the plan that starts it, the watch that looks at it, and what
 * `validate` says of it. Pure.
 */
import type { ProcessSettings } from "../../../config/process-settings.ts";
import { type CgroupController, countsByUserNamespace, type MachineFacts } from "./machine-facts.ts";

export interface LimitHolders {
  /** "watch" looks at it from time to time and ends what is above. */
  readonly memory: "cgroup" | "watch" | "nobody";
  readonly processes: "cgroup" | "rlimit" | "watch" | "nobody";
  readonly cpu: "cgroup" | "nobody" | "unlimited";
  readonly openFiles: "rlimit" | "nobody";
  /** Who ends what a process started, when it is killed. */
  readonly descendants: "namespace" | "cgroup" | "search" | "group";
  /** Who ends them when the server is killed. */
  readonly orphans: "namespace" | "parent death" | "nobody";
  readonly namespaces: UsedNamespaces;
}

export interface UsedNamespaces {
  readonly pid: boolean;
  readonly user: boolean;
  readonly network: boolean;
}

export type HeldSettings = Pick<ProcessSettings, "namespaces" | "cpuMax">;

export function holdersOf(settings: HeldSettings, facts: MachineFacts): LimitHolders {
  const isLinux = facts.platform === "linux";
  const inCgroup = (controller: CgroupController) => canJoin(facts) && facts.cgroupHome!.controllers.includes(controller);
  const namespaces = namespacesFor(settings, facts);
  const watch = isLinux ? "watch" : "nobody";
  return {
    memory: inCgroup("memory") ? "cgroup" : watch,
    processes: inCgroup("pids") ? "cgroup" : countsOwnProcesses(namespaces, facts) ? "rlimit" : watch,
    cpu: settings.cpuMax === null ? "unlimited" : inCgroup("cpu") ? "cgroup" : "nobody",
    openFiles: facts.shellFile === null ? "nobody" : "rlimit",
    descendants: namespaces.pid ? "namespace" : canJoin(facts) ? "cgroup" : isLinux ? "search" : "group",
    orphans: facts.setprivFile === null ? "nobody" : namespaces.pid ? "namespace" : "parent death",
    namespaces,
  };
}

/**
 * A PID namespace is used wherever it can be had, asked for or not: it alone ends what detached itself when the server is
 * killed. It needs a shell as its first process: the kernel shields that one from signals, and it has to wait for orphans.
 */
function namespacesFor({ namespaces: asked }: HeldSettings, facts: MachineFacts): UsedNamespaces {
  if (facts.unshareFile === null) return { pid: false, user: false, network: false };
  const pid = facts.namespaces.pid === null && facts.shellFile !== null;
  const network = asked.includes("network") && facts.namespaces.network === null;
  const user = (asked.includes("user") && facts.namespaces.user === null) || (facts.needsUserNamespace && (pid || network));
  return { pid, user, network };
}

/** A process joins its group itself, by way of the shell: moved from outside, it might have started others before. */
function canJoin({ cgroupHome, shellFile }: MachineFacts): boolean {
  return cgroupHome !== null && shellFile !== null;
}

/** Elsewhere RLIMIT_NPROC counts all processes of the user, the server's and a desktop's too, and not at all for root. */
function countsOwnProcesses({ user }: UsedNamespaces, { isRoot, kernel, shellFile }: MachineFacts): boolean {
  return user && !isRoot && shellFile !== null && countsByUserNamespace(kernel);
}
