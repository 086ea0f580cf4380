/**
 * What the machine did while we measured: time that the hypervisor took away,
 * and processes that are none of ours. Two looks, at the beginning and at the
 * end; whatever came and went between them is seen only in the load average.
 */
import { readFileSync } from "node:fs";
import { throttledUs } from "./facts.ts";

export interface Activity {
  readonly durationMs: number;
  /** Share of all cores' time; null when the kernel doesn't tell. */
  readonly stealShare: number | null;
  /** Time that the control group was held back by its limit. */
  readonly throttledMs: number | null;
  /** Processes that aren't ours, the busiest first. */
  readonly others: readonly { readonly pid: number; readonly name: string; readonly coreShare: number }[];
}

interface Look {
  readonly atMs: number;
  readonly cpu: CpuTimes | null;
  readonly throttledUs: number | null;
  readonly processes: ReadonlyMap<number, { readonly name: string; readonly ms: number }>;
}

export interface CpuTimes {
  readonly total: number;
  readonly steal: number;
}

const OTHERS_MAX_COUNT = 3;

/** `list` gives id, name and CPU time of whatever runs now. */
export function watchActivity(list: () => Iterable<{ pid: number; name: string; cpuMs: number }>): () => Activity {
  const before = look(list);
  return () => between(before, look(list));
}

function look(list: () => Iterable<{ pid: number; name: string; cpuMs: number }>): Look {
  const processes = new Map([...list()].map(({ pid, name, cpuMs }) => [pid, { name, ms: cpuMs }]));
  return { atMs: performance.now(), cpu: parseCpuTimes(read("/proc/stat")), throttledUs: throttledUs(), processes };
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
    stealShare: ticks === null || ticks <= 0 ? null : (after.cpu!.steal - before.cpu!.steal) / ticks,
    throttledMs: before.throttledUs === null || after.throttledUs === null ? null : (after.throttledUs - before.throttledUs) / 1_000,
    others: others.toSorted((one, other) => other.coreShare - one.coreShare).slice(0, OTHERS_MAX_COUNT),
  };
}

/** First line of /proc/stat: user nice system idle iowait irq softirq steal; the guest times after them are counted in user already. */
export function parseCpuTimes(text: string): CpuTimes | null {
  const match = /^cpu +([\d ]+)$/m.exec(text);
  const fields = (match?.[1] ?? "").trim().split(" ").map(Number).slice(0, 8);
  return fields.length < 8 ? null : { total: fields.reduce((sum, ticks) => sum + ticks, 0), steal: fields[7]! };
}

/** Everything that runs, for `watchActivity`. */
export function* listProcesses(
  stats: Iterable<{ readonly pid: number; readonly ownCpuUs: number }>,
): Generator<{ pid: number; name: string; cpuMs: number }> {
  for (const { pid, ownCpuUs } of stats) yield { pid, name: read(`/proc/${pid}/comm`).trim(), cpuMs: ownCpuUs / 1_000 };
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
