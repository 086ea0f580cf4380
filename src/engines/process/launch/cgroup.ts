/**
 * Cgroup: a control group (version 2) around one instance: its limits, what it
 * used, and the end of everything in it. The process joins by itself
 * (launch-plan.ts); a group outlives its processes and is removed after them.
 * Source: the kernel's Documentation/admin-guide/cgroup-v2.rst. Small synchronous
 * writes to the kernel, no disk. Where groups may be made is cgroup-home.ts's matter.
 */
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fail, ok, type Result } from "../../../base/result.ts";
import type { CgroupHome } from "./machine-facts.ts";
import { isSameProcess, startTimeOf } from "./process-tree.ts";

export interface CgroupLimits {
  readonly memoryMaxBytes: number;
  /** Threads count. */
  readonly processMax: number;
  /** In cores; null is no limit. */
  readonly cpuMax: number | null;
}

const NAME_PREFIX = "pilotlight-";
const CPU_PERIOD_US = 100_000;
/** The kernel takes a dead process out of its group a moment after its parent has heard of it. */
const REMOVE_WAITS_MS = [0, 1, 5, 20, 100, 500, 2_000];

export class Cgroup {
  readonly dir: string;

  private constructor(dir: string) {
    this.dir = dir;
  }

  /** The fault is a phrase. */
  static create(home: CgroupHome, instance: string, limits: CgroupLimits): Result<Cgroup, string> {
    const dir = join(home.dir, `${NAME_PREFIX}${process.pid}-${startTimeOf(process.pid)}-${instance}`);
    try {
      mkdirSync(dir);
    } catch (error) {
      return fail(`its control group can't be made: ${(error as Error).message}`);
    }
    const group = new Cgroup(dir);
    try {
      for (const [file, value, isOptional] of settingsOf(limits, home)) group.#set(file, value, isOptional);
      return ok(group);
    } catch (error) {
      void group.remove();
      return fail(`its control group can't be set up: ${(error as Error).message}`);
    }
  }

  /** Moves a process that is not ours to start; what it started before stays where it was. */
  adopt(pid: number): boolean {
    return this.#write("cgroup.procs", String(pid));
  }

  memoryBytes(): number {
    return numberIn(this.#read("memory.current"));
  }

  /** How often the kernel killed something in it for its memory. */
  oomKillCount(): number {
    return numberIn(/^oom_kill (\d+)/m.exec(this.#read("memory.events"))?.[1] ?? "0");
  }

  /** SIGKILL to everything in it, however it forks meanwhile. False where the kernel has no such file (before 5.14). */
  kill(): boolean {
    return this.#write("cgroup.kill", "1") || killEach(this.dir);
  }

  /** Waits until the last process has left it; false when something stays. */
  async remove(): Promise<boolean> {
    for (const waitMs of REMOVE_WAITS_MS) {
      if (waitMs > 0) await sleep(waitMs, undefined, { ref: false });
      if (removed(this.dir)) return true;
    }
    return false;
  }

  #set(file: string, value: string, isOptional: boolean): void {
    if (isOptional) this.#write(file, value);
    else writeFileSync(join(this.dir, file), value);
  }

  #write(file: string, value: string): boolean {
    return written(join(this.dir, file), value);
  }

  #read(file: string): string {
    try {
      return readFileSync(join(this.dir, file), "latin1");
    } catch {
      return "";
    }
  }
}

/** Removes groups that servers left which were killed, and ends what still runs in them. */
export function sweepCgroups(home: CgroupHome): void {
  for (const name of listed(home.dir)) {
    const [, pid, startTime] = /^pilotlight-(\d+)-(\d+)-/.exec(name) ?? [];
    if (pid === undefined || isSameProcess(Number(pid), startTime!)) continue;
    const dir = join(home.dir, name);
    if (removed(dir)) continue;
    written(join(dir, "cgroup.kill"), "1") || killEach(dir);
    removed(dir);
  }
}

type Setting = readonly [file: string, value: string, isOptional: boolean];

function settingsOf({ memoryMaxBytes, processMax, cpuMax }: CgroupLimits, { controllers }: CgroupHome): Setting[] {
  const memory: Setting[] = [
    ["memory.max", String(memoryMaxBytes), false],
    // A kernel without swap accounting has no such file.
    ["memory.swap.max", "0", true],
    // All of it or nothing: a function without one of its processes would answer nobody.
    ["memory.oom.group", "1", true],
  ];
  const cpu: Setting[] =
    cpuMax === null ? [] : [["cpu.max", `${Math.max(1_000, Math.round(cpuMax * CPU_PERIOD_US))} ${CPU_PERIOD_US}`, false]];
  return [
    ...(controllers.includes("memory") ? memory : []),
    // The shell that holds it is one, too.
    ...(controllers.includes("pids") ? [["pids.max", String(processMax + 1), false] as const] : []),
    ...(controllers.includes("cpu") ? cpu : []),
  ];
}

function killEach(dir: string): boolean {
  try {
    const pids = readFileSync(join(dir, "cgroup.procs"), "latin1")
      .split("\n")
      .filter((line) => line !== "");
    for (const pid of pids) process.kill(Number(pid), "SIGKILL");
    return true;
  } catch {
    return false;
  }
}

function removed(dir: string): boolean {
  try {
    rmdirSync(dir);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

function written(file: string, value: string): boolean {
  try {
    writeFileSync(file, value);
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

function numberIn(text: string): number {
  const value = Number.parseInt(text, 10);
  return Number.isNaN(value) ? 0 : value;
}
