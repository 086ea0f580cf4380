/**
 * Processes as the kernel accounts for them: which ones belong to a command
 * that we started, what CPU time they have used and what memory they hold.
 * Linux only: reads /proc (proc(5)). Must not signal anybody.
 * A process belongs by its group, by descent, or by the mark in its
 * environment, so that one which left both (setsid, double fork) is found.
 */
import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ: 100 in the kernel's interface whatever its own tick. */
const TICKS_PER_SECOND = 100;
const US_PER_TICK = 1e6 / TICKS_PER_SECOND;

/** Name of the variable that marks whatever a command starts. */
export const MARK_VARIABLE = "PILOTLIGHT_BENCH_MARK";

export interface Belonging {
  /** Process group and, at first, the only process. */
  readonly pid: number;
  readonly mark: string;
}

export interface ProcessStat {
  readonly pid: number;
  readonly state: string;
  readonly parentPid: number;
  readonly groupId: number;
  readonly ownCpuUs: number;
  /** With that of dead children it has waited for. */
  readonly cpuUs: number;
}

/** One line of /proc/PID/stat; the name in it may hold blanks and brackets. */
export function parseStat(text: string): ProcessStat | null {
  const end = text.lastIndexOf(")");
  const fields = text.slice(end + 2).split(" ");
  if (end === -1 || fields.length < 15) return null;
  const [user, system, childrenUser, childrenSystem] = fields.slice(11, 15).map(Number) as [number, number, number, number];
  return {
    pid: Number.parseInt(text, 10),
    state: fields[0]!,
    parentPid: Number(fields[1]),
    groupId: Number(fields[2]),
    ownCpuUs: (user + system) * US_PER_TICK,
    cpuUs: (user + system + childrenUser + childrenSystem) * US_PER_TICK,
  };
}

/** Everything that runs, zombies included: their time still counts. */
export function allProcesses(): ProcessStat[] {
  const found: ProcessStat[] = [];
  for (const name of entries("/proc")) {
    const stat = /^\d+$/.test(name) ? parseStat(read(`/proc/${name}/stat`)) : null;
    if (stat !== null) found.push(stat);
  }
  return found;
}

/** The command's processes, zombies included. */
export function membersOf({ pid, mark }: Belonging, all: readonly ProcessStat[] = allProcesses()): ProcessStat[] {
  const members = new Set(all.filter((one) => one.groupId === pid || one.pid === pid || isMarked(one.pid, mark)).map((one) => one.pid));
  // Parents may come after their children in the list: repeat until nothing is added.
  for (let before = -1; before !== members.size; ) {
    before = members.size;
    for (const one of all) if (members.has(one.parentPid)) members.add(one.pid);
  }
  members.delete(process.pid);
  return all.filter((one) => members.has(one.pid));
}

/**
 * User and system time of the command so far. A dead child counts through the
 * parent that waited for it; one whose parent ignores SIGCHLD, or that init
 * reaped, is lost to the kernel's accounts and so to ours.
 */
export function cpuUsOf(members: readonly ProcessStat[]): number {
  return members.reduce((sum, { cpuUs }) => sum + cpuUs, 0);
}

export interface Memory {
  /** Resident, shared pages counted in each process. */
  readonly rssBytes: number;
  /** Proportional: shared pages count once. Null when the kernel won't say. */
  readonly pssBytes: number | null;
}

export function memoryOf(members: readonly ProcessStat[]): Memory {
  let rssKib = 0;
  let pssKib: number | null = 0;
  for (const { pid, state } of members) {
    if (state === "Z") continue;
    const rollup = read(`/proc/${pid}/smaps_rollup`);
    const pss = /^Pss:\s+(\d+)/m.exec(rollup);
    rssKib += Number((/^Rss:\s+(\d+)/m.exec(rollup) ?? /^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`)))?.[1] ?? 0);
    pssKib = pss === null || pssKib === null ? null : pssKib + Number(pss[1]);
  }
  return { rssBytes: rssKib * 1024, pssBytes: pssKib === null ? null : pssKib * 1024 };
}

function isMarked(pid: number, mark: string): boolean {
  return read(`/proc/${pid}/environ`).includes(`${MARK_VARIABLE}=${mark}\0`);
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
