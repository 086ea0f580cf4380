/** The machine a run was made on, for reports: a figure without it is worth nothing. Without the host's name: reports are passed around. */
import { availableParallelism, cpus, release, totalmem, type } from "node:os";

export interface Machine {
  readonly operatingSystem: string;
  readonly kernel: string;
  readonly cpuModel: string;
  readonly cpuCount: number;
  readonly memoryBytes: number;
  readonly node: string;
}

export function thisMachine(): Machine {
  return {
    operatingSystem: type(),
    kernel: release(),
    cpuModel: cpus()[0]?.model.trim() || "unknown processor",
    cpuCount: availableParallelism(),
    memoryBytes: totalmem(),
    node: process.versions.node,
  };
}
