/**
 * Launch plan: the command that starts a program within its limits. A chain of
 * small programs that each become the next one:
 *
 *   setpriv   is killed when this process dies
 *   unshare   waits for a PID namespace (and others), and takes it along when it dies
 *   sh        joins the control group, lowers the limits, and is the namespace's first process
 *   program   the function's own
 *
 * The shell stays in a PID namespace: a first process is shielded from signals
 * without a handler (SIGTERM would not end most programs) and has to wait for
 * orphans. Elsewhere the program takes its place. Pure; what is missing on the
 * machine is left out (limit-holders.ts) and told.
 */

import { PARENT_DEATH_OPTION } from "../../../base/setpriv.ts";
import { GIB, KIB } from "../../../base/units.ts";
import type { NamespaceKind, ProcessSettings } from "../../../config/process-settings.ts";
import { type HeldSettings, holdersOf, type LimitHolders, type UsedNamespaces } from "./limit-holders.ts";
import type { MachineFacts } from "./machine-facts.ts";
import type { Program } from "./program.ts";

export interface PlanOrder {
  readonly program: Program;
  readonly settings: HeldSettings & Pick<ProcessSettings, "openFileMax" | "processMax">;
  readonly memoryMaxBytes: number;
  readonly facts: MachineFacts;
  /** Folder of its control group; null for none. */
  readonly cgroupDir: string | null;
  /** As its environment says; null for none. */
  readonly nodeOptions: string | null;
}

export interface LaunchPlan {
  readonly file: string;
  readonly args: readonly string[];
  readonly holders: LimitHolders;
}

/**
 * Private memory that a process without a control group can have at most beyond its limit, between two looks at it. Large
 * enough for what is reserved and never touched: 560 MiB of an idle Node, 8 MiB of each thread.
 */
export const DATA_HEADROOM_BYTES = GIB;
/** The shell's own code for "I could not even begin". */
export const CANNOT_JOIN_CODE = 125;
/**
 * The shell stays, and keeps to itself how its child ended ("Terminated"): its exit code tells. In a subshell, for dash would redirect
 * itself otherwise; by 9, below which the program's own descriptors are.
 */
const HELD_STEPS = ["exec 9>&2 2> /dev/null", '(exec "$@" 2>&9 9>&-)', "exit $?"];
/** What the shell calls itself in messages. */
const SHELL_NAME = "pilotlight";

export function planLaunch(order: PlanOrder): LaunchPlan {
  const { facts, settings, program } = order;
  const holders = holdersOf(settings, facts);
  const chain = [
    ...(facts.setprivFile === null ? [] : [facts.setprivFile, PARENT_DEATH_OPTION, "KILL", "--"]),
    ...unshareWords(holders.namespaces, facts),
    ...(facts.shellFile === null ? [] : shellWords(facts.shellFile, order, holders)),
    program.file,
    ...program.args,
  ];
  return { file: chain[0]!, args: chain.slice(1), holders };
}

/** Namespaces that were asked for and are not used, each with why. */
export function namespaceLacks({ namespaces }: HeldSettings, facts: MachineFacts): string[] {
  const { namespaces: used } = holdersOf({ namespaces, cpuMax: null }, facts);
  return namespaces.filter((kind) => !used[kind]).map((kind) => `no ${kind} namespace: ${whyNot(kind, facts)}`);
}

export function whyNot(kind: NamespaceKind, { namespaces, unshareFile, shellFile }: MachineFacts): string {
  if (unshareFile === null) return "there is no unshare (util-linux)";
  return namespaces[kind] ?? (shellFile === null ? "there is no /bin/sh" : "it was not asked for");
}

function unshareWords({ pid, user, network }: UsedNamespaces, { unshareFile, mountsProc }: MachineFacts): string[] {
  if (unshareFile === null || !(pid || user || network)) return [];
  return [unshareFile, ...unshareFlags({ pid, user, network }, mountsProc), "--"];
}

/** Also what the probe tries. */
export function unshareFlags({ pid, user, network }: UsedNamespaces, mountsProc: boolean): string[] {
  return [
    ...(user ? ["--user", "--map-current-user"] : []),
    ...(pid ? ["--pid", "--fork", "--kill-child"] : []),
    // Slave: what the host unmounts later is unmounted here too, and not kept busy.
    ...(pid && mountsProc ? ["--mount-proc", "--propagation", "slave"] : []),
    ...(network ? ["--net"] : []),
  ];
}

function shellWords(shellFile: string, order: PlanOrder, holders: LimitHolders): string[] {
  const { cgroupDir, nodeOptions } = order;
  const steps = [
    ...(cgroupDir === null ? [] : [`echo 0 > "$1/cgroup.procs" || exit ${CANNOT_JOIN_CODE}`, "shift"]),
    // Under its permission model Node adds its own flags to what a child finds there.
    ...(nodeOptions === null ? ["unset NODE_OPTIONS"] : ['NODE_OPTIONS="$1"', "export NODE_OPTIONS", "shift"]),
    "unset PWD OLDPWD SHLVL",
    ...limitSteps(order, holders),
    ...(holders.namespaces.pid ? HELD_STEPS : ['exec "$@"']),
  ];
  return [
    shellFile,
    "-c",
    steps.join("; "),
    SHELL_NAME,
    ...(cgroupDir === null ? [] : [cgroupDir]),
    ...(nodeOptions === null ? [] : [nodeOptions]),
  ];
}

/** One that can't be set leaves the lower one that holds already. RLIMIT_AS is no limit for programs that reserve much and use little: V8, Go, Java. */
function limitSteps({ settings, memoryMaxBytes, facts }: PlanOrder, holders: LimitHolders): string[] {
  const quiet = "2> /dev/null";
  const openFileMax = Math.min(settings.openFileMax, facts.openFilesHard ?? settings.openFileMax);
  return [
    // A core file would hold what the function knew.
    `ulimit -c 0 ${quiet}`,
    `ulimit -n ${openFileMax} ${quiet}`,
    ...(holders.memory === "cgroup" ? [] : [`ulimit -d ${Math.ceil((memoryMaxBytes + DATA_HEADROOM_BYTES) / KIB)} ${quiet}`]),
    // bash calls it -u, and dash and BusyBox -p. The shell itself is one.
    ...(holders.processes === "rlimit"
      ? [`ulimit -u ${settings.processMax + 1} ${quiet} || ulimit -p ${settings.processMax + 1} ${quiet}`]
      : []),
  ];
}
