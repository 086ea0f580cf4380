/**
 * Limits told: which limits of a process function hold on this machine, and by
 * what, a line each, for `pilotlight validate`. A limit that does not hold is said
 * as plainly as one that does. Pure.
 */
import { formatSize } from "../../../base/units.ts";
import type { ProcessSettings } from "../../../config/process-settings.ts";
import { DATA_HEADROOM_BYTES, whyNot } from "./launch-plan.ts";
import { holdersOf, type LimitHolders } from "./limit-holders.ts";
import type { MachineFacts } from "./machine-facts.ts";
import { LOOK_MAX_MS, LOOK_MIN_MS } from "./memory-watch.ts";

export function limitsTold(settings: ProcessSettings, memoryMaxBytes: number, facts: MachineFacts): string[] {
  const holders = holdersOf(settings, facts);
  return [
    memoryTold(holders, memoryMaxBytes, facts),
    ...cpuTold(holders, settings, facts),
    processesTold(holders, settings),
    `open files ${settings.openFileMax}: ${holders.openFiles === "rlimit" ? "held by the kernel (RLIMIT_NOFILE)" : "not limited: there is no /bin/sh to set it"}`,
    descendantsTold(holders, facts),
    orphansTold(holders, facts),
    ...namespacesTold(settings, holders, facts),
  ];
}

function memoryTold({ memory }: LimitHolders, bytes: number, facts: MachineFacts): string {
  const name = `memory ${formatSize(bytes)}`;
  if (memory === "cgroup") return `${name}: held by a control group, swap included`;
  if (memory === "nobody") return `${name}: not limited on ${facts.platform}`;
  const between = facts.shellFile === null ? "" : `; between two looks at most ${formatSize(bytes + DATA_HEADROOM_BYTES)} of private data`;
  return `${name}: looked at every ${LOOK_MIN_MS} to ${LOOK_MAX_MS} ms, and ended above it${between} (${facts.cgroupLack ?? "no control group"})`;
}

function cpuTold({ cpu }: LimitHolders, { cpuMax }: ProcessSettings, { cgroupLack }: MachineFacts): string[] {
  if (cpuMax === null) return [];
  return [
    `cpu ${cpuMax}: ${cpu === "cgroup" ? "held by a control group" : `not limited: it needs a control group (${cgroupLack ?? "none here"})`}`,
  ];
}

function processesTold({ processes }: LimitHolders, { processMax }: ProcessSettings): string {
  const told: Readonly<Record<LimitHolders["processes"], string>> = {
    cgroup: "held by a control group, threads included",
    rlimit: "held by the kernel (RLIMIT_NPROC in its user namespace), threads included",
    watch: "counted when its memory is looked at, and ended above it",
    nobody: "not limited here",
  };
  return `processes ${processMax}: ${told[processes]}`;
}

function descendantsTold({ descendants }: LimitHolders, { namespaces }: MachineFacts): string {
  const told: Readonly<Record<LimitHolders["descendants"], string>> = {
    namespace: "end with it, detached ones too (PID namespace)",
    cgroup: "end with it, detached ones too (control group)",
    search: `end with it; detached ones are looked for by their environment and may escape (no PID namespace: ${namespaces.pid ?? "no /bin/sh"})`,
    group: "end with it; detached ones escape",
  };
  return `processes that it starts: ${told[descendants]}`;
}

function orphansTold({ orphans }: LimitHolders, { platform }: MachineFacts): string {
  const told: Readonly<Record<LimitHolders["orphans"], string>> = {
    namespace: "nothing of it stays (PID namespace and parent-death signal)",
    "parent death": "it ends (parent-death signal); what it started may stay",
    nobody: `it may stay${platform === "linux" ? ": there is no setpriv (util-linux) to tie it to the server" : ""}`,
  };
  return `when the server is killed: ${told[orphans]}`;
}

function namespacesTold({ namespaces: asked, call }: ProcessSettings, { namespaces: used }: LimitHolders, facts: MachineFacts): string[] {
  const lines = asked.map((kind) => `${kind} namespace: ${used[kind] ? "its own" : `asked for and not to be had: ${whyNot(kind, facts)}`}`);
  if (used.network && (call === "http" || call === "auto"))
    lines.push("HTTP: no port of it can be reached, as its network is its own; use the ring or frames");
  return lines;
}
