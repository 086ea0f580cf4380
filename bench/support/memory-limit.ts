/**
 * A memory limit that the kernel keeps: a control group of this run below our
 * own, version 2 or 1, whichever holds the memory controller here. What is started
 * in it pays for all it touches, pages of files and sockets too. Where no group can
 * be made, that is said and nothing is limited.
 */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readKernelFile } from "../../src/lab/kernel-files.ts";

export interface MemoryLimit {
  /** The command, started inside. */
  inside(command: readonly string[]): readonly string[];
  /** With the pages of files that could be dropped. */
  peakBytes(): number;
  /** Processes that the kernel ended for it. */
  killCount(): number;
  close(): void;
}

interface Files {
  readonly folder: string;
  readonly limit: string;
  readonly peak: string;
  readonly events: string;
}

export function memoryLimit(bytes: number): MemoryLimit | { readonly unavailable: string } {
  const reasons: string[] = [];
  for (const files of candidates(`pilotlight-bench-${process.pid}`)) {
    try {
      mkdirSync(files.folder);
      writeFileSync(join(files.folder, files.limit), String(bytes));
      return limited(files);
    } catch (error) {
      reasons.push((error as Error).message);
      remove(files.folder);
    }
  }
  return { unavailable: `no memory limit could be set (${reasons[0] ?? "this system has no control groups"})` };
}

function candidates(name: string): Files[] {
  const lines = readKernelFile("/proc/self/cgroup").trim().split("\n");
  const found: Files[] = [];
  for (const line of lines) {
    const [, controllers = "", path = "/"] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === "") {
      found.push({ folder: join("/sys/fs/cgroup", path, name), limit: "memory.max", peak: "memory.peak", events: "memory.events" });
    } else if (controllers.split(",").includes("memory")) {
      const folder = join("/sys/fs/cgroup/memory", path, name);
      found.push({ folder, limit: "memory.limit_in_bytes", peak: "memory.max_usage_in_bytes", events: "memory.oom_control" });
    }
  }
  return found;
}

function limited({ folder, peak, events }: Files): MemoryLimit {
  return {
    inside: (command) => ["sh", "-c", `echo $$ > "$0/cgroup.procs" && exec "$@"`, folder, ...command],
    peakBytes: () => Number(readFileSync(join(folder, peak), "utf8")),
    killCount: () => Number(/^oom_kill (\d+)$/m.exec(readKernelFile(join(folder, events)))?.[1] ?? 0),
    close: () => remove(folder),
  };
}

function remove(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // It was never made, or something of it still ends: an empty group costs nothing.
  }
}
