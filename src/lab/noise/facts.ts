/**
 * Facts on what makes a machine's figures waver, gathered without changing
 * anything. Whatever can't be found out is null; judging is notes.ts.
 */
import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";

export interface NoiseFacts {
  readonly coreCount: number;
  /** Of the first core; a guest of a hypervisor sees none. */
  readonly governor: string | null;
  readonly isTurboOn: boolean | null;
  readonly isSmtOn: boolean | null;
  readonly isVirtual: boolean | null;
  readonly clockSource: string | null;
  /** CPUs that the control group allows; Infinity without a limit. */
  readonly cpuQuota: number | null;
  /** Of the last minute, when the run began. */
  readonly loadAverage: number;
}

export function gatherNoiseFacts(): NoiseFacts {
  return {
    // All of them: this process may be pinned to one.
    coreCount: cpus().length,
    governor: readText("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")?.trim() ?? null,
    isTurboOn: turbo(),
    isSmtOn: flag(readText("/sys/devices/system/cpu/smt/active")),
    isVirtual: virtual(readText("/proc/cpuinfo")),
    clockSource: readText("/sys/devices/system/clocksource/clocksource0/current_clocksource")?.trim() ?? null,
    cpuQuota: parseQuota(readText(join(ownCgroup(), "cpu.max"))),
    loadAverage: loadavg()[0] ?? 0,
  };
}

/** How often and how long the control group has been held back; null when it doesn't say. */
export function throttledUs(): number | null {
  const match = /^throttled_usec (\d+)$/m.exec(readText(join(ownCgroup(), "cpu.stat")) ?? "");
  return match === null ? null : Number(match[1]);
}

/** "200000 100000" is two CPUs; "max 100000" is no limit. */
export function parseQuota(text: string | null): number | null {
  const match = /^(max|\d+) (\d+)/.exec(text ?? "");
  if (match === null) return null;
  return match[1] === "max" ? Number.POSITIVE_INFINITY : Number(match[1]) / Number(match[2]);
}

function turbo(): boolean | null {
  const off = flag(readText("/sys/devices/system/cpu/intel_pstate/no_turbo"));
  return off === null ? flag(readText("/sys/devices/system/cpu/cpufreq/boost")) : !off;
}

/** x86 lists it among the flags; other processors don't, and then nobody knows. */
function virtual(cpuinfo: string | null): boolean | null {
  const flags = /^flags\s*:(.*)$/m.exec(cpuinfo ?? "")?.[1];
  return flags === undefined ? null : flags.split(" ").includes("hypervisor");
}

function flag(text: string | null): boolean | null {
  const match = /^([01])\s*$/.exec(text ?? "");
  return match === null ? null : match[1] === "1";
}

/** cgroup v2: "0::/path"; the root of the hierarchy has no limits and no files for them. */
function ownCgroup(): string {
  const path = /^0::(\/.*)$/m.exec(readText("/proc/self/cgroup") ?? "")?.[1] ?? "/";
  return join("/sys/fs/cgroup", path);
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
