/**
 * Processes as the kernel accounts for them: CPU time and memory of a server
 * and everything it started. Linux only: reads /proc. CPU time per request is
 * what our comparisons rest on, because requests per second depend on what else
 * the machine is doing.
 */
import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ: fixed at 100 in the kernel's interface whatever the kernel's own tick. */
const TICKS_PER_SECOND = 100;

/** The process and its descendants. */
function treeOf(pid: number): number[] {
  const pids = [pid];
  for (const task of entries(`/proc/${pid}/task`)) {
    const children = read(`/proc/${pid}/task/${task}/children`);
    for (const child of children.split(" ")) if (child !== "") pids.push(...treeOf(Number(child)));
  }
  return pids;
}

/** User and system time of the tree, in microseconds; dead children that were waited for included. */
export function cpuUs(pid: number): number {
  let ticks = 0;
  for (const member of treeOf(pid)) {
    const fields = read(`/proc/${member}/stat`).split(") ")[1]?.split(" ") ?? [];
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  }
  return (ticks / TICKS_PER_SECOND) * 1e6;
}

/** Proportional set size of the tree, in bytes: shared pages count once. */
export function memoryBytes(pid: number): number {
  let kib = 0;
  for (const member of treeOf(pid)) kib += Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${member}/smaps_rollup`))?.[1] ?? 0);
  return kib * 1024;
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
