/**
 * CPU time of a command's whole process tree, look by look. A living process
 * counts by the scheduler's nanoseconds (/proc/PID/task/TID/schedstat), where
 * the kernel keeps them, else in steps of 10 ms; a dead child counts through
 * the parent that waited for it. Time that the kernel forgets (of children
 * whose parent ignores SIGCHLD, of orphans) is noticed and named: a figure
 * without it would make a server look cheap. What is born and lost between two
 * looks, with a parent that ended too, can't be noticed.
 */
import { printable } from "../../base/terminal.ts";
import { kernelEntries, readKernelFile } from "../kernel-files.ts";
import { type Belonging, membersOf, type ProcessStat, US_PER_TICK } from "./processes.ts";

export interface ProcessTime {
  readonly pid: number;
  readonly startTicks: number;
  readonly parentPid: number;
  readonly name: string;
  readonly ownUs: number;
  readonly waitedUs: number;
  /** The kernel forgets the time of its children. */
  readonly ignoresChildren: boolean;
}

/** Waited-for time is told in ticks, user and system apart, at both looks. */
const FORGOTTEN_MIN_US = 3 * US_PER_TICK;

export class CpuAccount {
  readonly #list: () => readonly ProcessTime[];
  #before: readonly ProcessTime[] = [];
  #lostBecause: string | null = null;

  constructor(list: () => readonly ProcessTime[]) {
    this.#list = list;
  }

  static of(belonging: Belonging): CpuAccount {
    return new CpuAccount(() => membersOf(belonging).map(timeOf));
  }

  /** Microseconds so far. */
  readUs(): number {
    let now = this.#list();
    // A process that ends while the list is read is in it neither itself nor through its parent: look again.
    if (forgotten(this.#before, now) !== null) now = this.#list();
    this.#lostBecause ??= forgotten(this.#before, now);
    this.#before = now;
    return now.reduce((sum, { ownUs, waitedUs }) => sum + ownUs + waitedUs, 0);
  }

  /** Why the time is not all there, as a sentence; null when it is. */
  get lostBecause(): string | null {
    return this.#lostBecause;
  }
}

function forgotten(before: readonly ProcessTime[], now: readonly ProcessTime[]): string | null {
  const deaf = now.find(({ ignoresChildren }) => ignoresChildren);
  if (deaf !== undefined) return `${deaf.name} (${deaf.pid}) ignores SIGCHLD: the kernel forgets the CPU time of children that end`;
  const earlier = new Map(before.map((one) => [one.pid, one]));
  const living = new Map(now.filter((one) => earlier.get(one.pid)?.startTicks === one.startTicks).map((one) => [one.pid, one]));
  const owedUs = new Map<number | null, number>();
  for (const one of before) {
    if (living.has(one.pid)) continue;
    let heir = earlier.get(one.parentPid);
    while (heir !== undefined && !living.has(heir.pid)) heir = earlier.get(heir.parentPid);
    const key = heir?.pid ?? null;
    owedUs.set(key, (owedUs.get(key) ?? 0) + one.ownUs + one.waitedUs);
  }
  for (const [pid, us] of owedUs) {
    const waitedUs = pid === null ? 0 : living.get(pid)!.waitedUs - earlier.get(pid)!.waitedUs;
    if (us - waitedUs > FORGOTTEN_MIN_US)
      return `processes ended that nobody of the command waited for: ${Math.round((us - waitedUs) / 1_000)} ms of CPU time are forgotten`;
  }
  return null;
}

function timeOf({ pid, startTicks, parentPid, ownCpuUs, waitedCpuUs }: ProcessStat): ProcessTime {
  const status = readKernelFile(`/proc/${pid}/status`);
  const ignored = /^SigIgn:\s*([\da-f]+)$/m.exec(status)?.[1] ?? "0";
  const name = printable(/^Name:\s*(.*)$/m.exec(status)?.[1] ?? "a process");
  // Dead threads are in no schedstat, but in the ticks.
  const ownUs = Math.max(threadsUs(pid), ownCpuUs);
  return { pid, startTicks, parentPid, name, ownUs, waitedUs: waitedCpuUs, ignoresChildren: (BigInt(`0x${ignored}`) & SIGCHLD_BIT) !== 0n };
}

/** Signal 17. */
const SIGCHLD_BIT = 1n << 16n;

function threadsUs(pid: number): number {
  let ns = 0;
  for (const thread of kernelEntries(`/proc/${pid}/task`))
    ns += Number.parseInt(readKernelFile(`/proc/${pid}/task/${thread}/schedstat`), 10) || 0;
  return ns / 1_000;
}
