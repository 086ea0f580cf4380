/**
 * Processes as the kernel accounts for them: which ones belong to a command
 * that we started and what memory they hold (CPU time: cpu-account.ts).
 * Linux only: reads /proc (proc(5)). Must not signal anybody.
 * A process belongs by its group, by descent, by the mark in its environment,
 * or because it belonged once: one that left group and environment is an orphan
 * as soon as its parent ends.
 */
import { KIB } from "../../base/units.ts";
import { kernelEntries, readKernelFile } from "../kernel-files.ts";

/** USER_HZ: 100 in the kernel's interface whatever its own tick. */
const TICKS_PER_SECOND = 100;
export const US_PER_TICK = 1e6 / TICKS_PER_SECOND;

/** Name of the variable that marks whatever a command starts. */
export const MARK_VARIABLE = "PILOTLIGHT_BENCH_MARK";

export interface Belonging {
  /** Process group and, at first, the only process. */
  readonly pid: number;
  readonly mark: string;
  /** Whatever has ever belonged, by id, with its start: ids are used again. */
  readonly known: Map<number, number>;
}

export interface ProcessStat {
  readonly pid: number;
  readonly state: string;
  readonly parentPid: number;
  readonly groupId: number;
  /** After boot, in ticks. */
  readonly startTicks: number;
  /** User and system time, in steps of 10 ms, that of dead threads included. */
  readonly ownCpuUs: number;
  /** Of dead children it has waited for. */
  readonly waitedCpuUs: number;
}

/** One line of /proc/PID/stat; the name in it may hold blanks and brackets. */
export function parseStat(text: string): ProcessStat | null {
  const end = text.lastIndexOf(")");
  const fields = text.slice(end + 2).split(" ");
  if (end === -1 || fields.length < 20) return null;
  const [user, system, childrenUser, childrenSystem] = fields.slice(11, 15).map(Number) as [number, number, number, number];
  return {
    pid: Number.parseInt(text, 10),
    state: fields[0]!,
    parentPid: Number(fields[1]),
    groupId: Number(fields[2]),
    startTicks: Number(fields[19]),
    ownCpuUs: (user + system) * US_PER_TICK,
    waitedCpuUs: (childrenUser + childrenSystem) * US_PER_TICK,
  };
}

/** Everything that runs, zombies included: their time still counts. */
export function allProcesses(): ProcessStat[] {
  const found: ProcessStat[] = [];
  for (const name of kernelEntries("/proc")) {
    const stat = /^\d+$/.test(name) ? parseStat(readKernelFile(`/proc/${name}/stat`)) : null;
    if (stat !== null) found.push(stat);
  }
  return found;
}

/** The command's processes, zombies included; each is remembered as one. */
export function membersOf({ pid, mark, known }: Belonging, all: readonly ProcessStat[] = allProcesses()): ProcessStat[] {
  const belongs = (one: ProcessStat): boolean =>
    one.groupId === pid || one.pid === pid || known.get(one.pid) === one.startTicks || isMarked(one.pid, mark);
  const members = new Set(all.filter(belongs).map((one) => one.pid));
  // Parents may come after their children in the list: repeat until nothing is added.
  for (let before = -1; before !== members.size; ) {
    before = members.size;
    for (const one of all) if (members.has(one.parentPid)) members.add(one.pid);
  }
  members.delete(process.pid);
  const found = all.filter((one) => members.has(one.pid));
  for (const one of found) known.set(one.pid, one.startTicks);
  return found;
}

/** All in bytes. Proportional: a page that several processes map is divided among them. Null when the kernel won't say. */
export interface Memory {
  /** Resident, shared pages counted in each process. */
  readonly rssBytes: number;
  /** Anonymous and shared memory: what is theirs whatever else runs. */
  readonly ownPssBytes: number | null;
  /** Pages of files: also divided with strangers that map the same, as this process does when a server runs its binary. */
  readonly filePssBytes: number | null;
}

export function memoryOf(members: readonly ProcessStat[]): Memory {
  const memories = members.flatMap(({ pid, state }) =>
    state === "Z" ? [] : [parseRollup(readKernelFile(`/proc/${pid}/smaps_rollup`), readKernelFile(`/proc/${pid}/status`))],
  );
  const sum = (of: (memory: Memory) => number | null): number | null =>
    memories.reduce<number | null>((total, memory) => plus(total, of(memory)), 0);
  return {
    rssBytes: sum(({ rssBytes }) => rssBytes)!,
    ownPssBytes: sum((one) => one.ownPssBytes),
    filePssBytes: sum((one) => one.filePssBytes),
  };
}

/** Of one process: /proc/PID/smaps_rollup, and status for a kernel that doesn't show it. */
export function parseRollup(rollup: string, status: string): Memory {
  const bytes = (text: string, name: string): number | null => {
    const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
    return kib === undefined ? null : Number(kib) * KIB;
  };
  return {
    rssBytes: bytes(rollup, "Rss") ?? bytes(status, "VmRSS") ?? 0,
    ownPssBytes: plus(bytes(rollup, "Pss_Anon"), bytes(rollup, "Pss_Shmem")),
    filePssBytes: bytes(rollup, "Pss_File"),
  };
}

function plus(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : one + other;
}

function isMarked(pid: number, mark: string): boolean {
  return readKernelFile(`/proc/${pid}/environ`).includes(`${MARK_VARIABLE}=${mark}\0`);
}
