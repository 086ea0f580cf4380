/**
 * What the machine did while we measured: time that the hypervisor took away,
 * and work that is none of ours. Two looks, at the beginning and at the end.
 * Processes that came and went between them (a build starts thousands) are in
 * no list: all cores' busy time less our own and that of what we started tells
 * of them.
 */

import { readKernelFile } from "../kernel-files.ts";
import { throttledUs } from "./facts.ts";

export interface Activity {
  readonly durationMs: number;
  /** Share of all cores' time; null when the kernel doesn't tell. */
  readonly stealShare: number | null;
  /** Time that the control group was held back by its limit. */
  readonly throttledMs: number | null;
  /** Cores' worth of work by others, whoever they were; null when the kernel doesn't tell. */
  readonly otherCores: number | null;
  /** Processes that aren't ours and lived all the time, the busiest first. */
  readonly others: readonly { readonly pid: number; readonly name: string; readonly coreShare: number }[];
}

interface Look {
  readonly atMs: number;
  readonly cpu: CpuTimes | null;
  readonly ownCpuMs: number;
  readonly throttledUs: number | null;
  readonly processes: ReadonlyMap<number, { readonly name: string; readonly ms: number }>;
}

export interface CpuTimes {
  readonly total: number;
  /** Not idle, not waiting for a disk, not stolen. */
  readonly busy: number;
  readonly steal: number;
}

const OTHERS_MAX_COUNT = 3;
const MS_PER_TICK = 10;

export interface Sources {
  /** Id, name and CPU time of whatever runs now. */
  list(): Iterable<{ pid: number; name: string; cpuMs: number }>;
  /** Of this process and of all that it has waited for. */
  ownCpuMs(): number;
  /** Text of /proc/stat. */
  cpuTimes(): string;
}

export function watchActivity(sources: Sources): () => Activity {
  const before = look(sources);
  return () => between(before, look(sources));
}

function look({ list, ownCpuMs, cpuTimes }: Sources): Look {
  const processes = new Map([...list()].map(({ pid, name, cpuMs }) => [pid, { name, ms: cpuMs }]));
  return { atMs: performance.now(), cpu: parseCpuTimes(cpuTimes()), ownCpuMs: ownCpuMs(), throttledUs: throttledUs(), processes };
}

function between(before: Look, after: Look): Activity {
  const durationMs = Math.max(1, after.atMs - before.atMs);
  const ticks = before.cpu === null || after.cpu === null ? null : after.cpu.total - before.cpu.total;
  const others = [...after.processes].flatMap(([pid, { name, ms }]) => {
    const began = before.processes.get(pid);
    // Born since: ours, nearly always, since we start and end processes all the time.
    return pid === process.pid || began === undefined ? [] : [{ pid, name, coreShare: (ms - began.ms) / durationMs }];
  });
  return {
    durationMs,
    otherCores: otherCores(before, after, durationMs),
    stealShare: ticks === null || ticks <= 0 ? null : (after.cpu!.steal - before.cpu!.steal) / ticks,
    throttledMs: before.throttledUs === null || after.throttledUs === null ? null : (after.throttledUs - before.throttledUs) / 1_000,
    others: others.toSorted((one, other) => other.coreShare - one.coreShare).slice(0, OTHERS_MAX_COUNT),
  };
}

function otherCores(before: Look, after: Look, durationMs: number): number | null {
  if (before.cpu === null || after.cpu === null) return null;
  const busyMs = (after.cpu.busy - before.cpu.busy) * MS_PER_TICK;
  return Math.max(0, busyMs - (after.ownCpuMs - before.ownCpuMs)) / durationMs;
}

/** First line of /proc/stat: user nice system idle iowait irq softirq steal; the guest times after them are counted in user already. */
export function parseCpuTimes(text: string): CpuTimes | null {
  const match = /^cpu +([\d ]+)$/m.exec(text);
  const fields = (match?.[1] ?? "").trim().split(" ").map(Number).slice(0, 8);
  if (fields.length < 8) return null;
  const [, , , idle, ioWait, , , steal] = fields as [number, number, number, number, number, number, number, number];
  const total = fields.reduce((sum, ticks) => sum + ticks, 0);
  return { total, busy: total - idle - ioWait - steal, steal };
}

/** Everything that runs, for `watchActivity`. */
export function* listProcesses(
  stats: Iterable<{ readonly pid: number; readonly ownCpuUs: number }>,
): Generator<{ pid: number; name: string; cpuMs: number }> {
  for (const { pid, ownCpuUs } of stats) yield { pid, name: readKernelFile(`/proc/${pid}/comm`).trim(), cpuMs: ownCpuUs / 1_000 };
}

export function readCpuTimes(): string {
  return readKernelFile("/proc/stat");
}
