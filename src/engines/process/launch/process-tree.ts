/**
 * Process tree: what runs below a process, from /proc: who, how much memory,
 * which signals. Everything is a moment's picture of processes that come and go:
 * what has gone meanwhile counts as nothing, and nothing here throws. On systems
 * without /proc every answer is empty.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { KIB } from "../../../base/units.ts";

/** A fork bomb must not keep us busy with itself. */
const TREE_MAX_COUNT = 4_096;
/** Of /proc/PID/stat, behind the name. */
const PARENT_FIELD = 1;
const START_FIELD = 19;

/** A kernel may have been built without these lists (CONFIG_PROC_CHILDREN). */
const hasLists = existsSync(`/proc/self/task/${process.pid}/children`);

/** Children of every thread: each is listed below the one that forked it. */
export function childrenOf(pid: number): number[] {
  if (!hasLists) return childrenBySearch(pid);
  return listed(`/proc/${pid}/task`).flatMap((thread) => numbersIn(read(`/proc/${pid}/task/${thread}/children`)));
}

/** Among all processes there are; older ones first. */
export function childrenBySearch(pid: number): number[] {
  const all = listed("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return all.filter((one) => Number(statFields(one)[PARENT_FIELD]) === pid).sort((one, other) => startOf(one) - startOf(other));
}

const NONE: ReadonlySet<number> = new Set();

/** Without itself, parents before their children; without those `except` and what is below them. */
export function descendantsOf(pid: number, except = NONE): number[] {
  const found = childrenOf(pid).filter((child) => !except.has(child));
  const seen = new Set([pid, ...found, ...except]);
  for (let at = 0; at < found.length && found.length < TREE_MAX_COUNT; at++) {
    for (const child of childrenOf(found[at]!)) {
      if (seen.has(child)) continue;
      seen.add(child);
      found.push(child);
    }
  }
  return found;
}

/** Resident memory, shared pages counted with each: quick, and never too little. */
export function residentBytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + kilobytesIn(/^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`))), 0);
}

/** Resident memory, shared pages divided among those who share them: exact, and slow for large processes. */
export function proportionalBytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const share = /^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`));
    return sum + (share === null ? residentBytes([pid]) : kilobytesIn(share));
  }, 0);
}

/** Its pid in its own namespace; its pid here where there is only one. */
export function innerPidOf(pid: number): number {
  const ids = numbersIn(/^NSpid:\s+(.*)$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? "");
  return ids.at(-1) ?? pid;
}

/** Clock ticks from boot to its start: with its pid, who it is. "" when it is gone. */
export function startTimeOf(pid: number): string {
  return statFields(pid)[START_FIELD] ?? "";
}

function startOf(pid: number): number {
  return Number(startTimeOf(pid));
}

/** Behind the second one, which is a name in parentheses that it may hold itself. */
function statFields(pid: number): string[] {
  const stat = read(`/proc/${pid}/stat`);
  return stat === "" ? [] : stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

export function isSameProcess(pid: number, startTime: string): boolean {
  return startTime !== "" && startTimeOf(pid) === startTime;
}

/** Processes that were started with this in their environment ("NAME=value"), whoever their parent is now. */
export function startedWith(entries: readonly string[]): number[] {
  const wanted = entries.map((entry) => `\0${entry}\0`);
  return listed("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return [];
    const environment = `\0${read(`/proc/${name}/environ`)}`;
    return wanted.some((entry) => environment.includes(entry)) ? [Number(name)] : [];
  });
}

/** False when it is gone, or not ours. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

function kilobytesIn(match: RegExpExecArray | null): number {
  return Number(match?.[1] ?? 0) * KIB;
}

function numbersIn(text: string): number[] {
  return text
    .split(/\s+/)
    .filter((word) => word !== "")
    .map(Number);
}
