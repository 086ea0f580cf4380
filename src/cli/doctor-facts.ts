/**
 * Facts for the doctor: what this machine is and allows, gathered without
 * changing anything but a probe file that is removed and a socket that is
 * closed. Whatever can't be found out is null; judging is doctor-checks.ts.
 */
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { availableParallelism, tmpdir, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { setprivFile } from "../base/setpriv.ts";
import type { MachineFacts } from "../engines/process/launch/machine-facts.ts";
import { probeMachine } from "../engines/process/launch/machine-probe.ts";

export interface Facts {
  readonly platform: string;
  readonly nodeVersion: string;
  readonly nodeOptions: string;
  /** Why isolated-vm can't be loaded; null when it can. */
  readonly isolatedVmError: string | null;
  readonly reusePort: boolean;
  /** The setpriv that ties workers to their supervisor; null where there is none. */
  readonly setprivFile: string | null;
  /** Why the port can't be taken; null when it can. */
  readonly portError: string | null;
  readonly cpuCount: number;
  readonly memoryBytes: number;
  /** CPUs the control group allows, possibly a fraction; null without a limit. */
  readonly cpuQuota: number | null;
  readonly memoryLimitBytes: number | null;
  readonly openFilesSoft: number | null;
  readonly openFilesHard: number | null;
  readonly fileMax: number | null;
  readonly somaxconn: number | null;
  readonly tcpTwReuse: number | null;
  readonly localPorts: readonly [first: number, last: number] | null;
  readonly clockSource: string | null;
  /** The chosen word of /sys/kernel/mm/transparent_hugepage/enabled. */
  readonly hugePages: string | null;
  readonly dataDir: string;
  readonly dataDirError: string | null;
  readonly tmpDirError: string | null;
  /** What process functions need. */
  readonly processes: MachineFacts;
}

export interface Asked {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly nodeOptions: string;
}

export async function gatherFacts(asked: Asked): Promise<Facts> {
  const cgroup = ownCgroup();
  const [openFilesSoft, openFilesHard] = openFileLimits();
  return {
    platform: `${process.platform}-${process.arch}`,
    nodeVersion: process.versions.node,
    nodeOptions: asked.nodeOptions,
    isolatedVmError: await loadError("isolated-vm"),
    reusePort: (await listenError("127.0.0.1", 0, true)) === null,
    setprivFile: setprivFile(),
    portError: await listenError(asked.host, asked.port, false),
    cpuCount: availableParallelism(),
    memoryBytes: totalmem(),
    cpuQuota: cpuQuota(readText(join(cgroup, "cpu.max"))),
    memoryLimitBytes: firstNumber(readText(join(cgroup, "memory.max"))),
    openFilesSoft,
    openFilesHard,
    fileMax: firstNumber(readText("/proc/sys/fs/file-max")),
    somaxconn: firstNumber(readText("/proc/sys/net/core/somaxconn")),
    tcpTwReuse: firstNumber(readText("/proc/sys/net/ipv4/tcp_tw_reuse")),
    localPorts: numberPair(readText("/proc/sys/net/ipv4/ip_local_port_range")),
    clockSource: readText("/sys/devices/system/clocksource/clocksource0/current_clocksource")?.trim() ?? null,
    hugePages: /\[(\w+)\]/.exec(readText("/sys/kernel/mm/transparent_hugepage/enabled") ?? "")?.[1] ?? null,
    dataDir: asked.dataDir,
    dataDirError: writeError(nearestFolder(asked.dataDir)),
    tmpDirError: writeError(tmpdir()),
    processes: await probeMachine({ serverPid: process.pid, withCriu: true, mayMove: false }),
  };
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

function firstNumber(text: string | null): number | null {
  const match = /^\s*(\d+)/.exec(text ?? "");
  return match === null ? null : Number(match[1]);
}

function numberPair(text: string | null): [number, number] | null {
  const match = /^\s*(\d+)\s+(\d+)/.exec(text ?? "");
  return match === null ? null : [Number(match[1]), Number(match[2])];
}

/** cgroup v2: "0::/path" in /proc/self/cgroup; inside a container that path is usually the root. */
function ownCgroup(): string {
  const path = /^0::(\/.*)$/m.exec(readText("/proc/self/cgroup") ?? "")?.[1] ?? "/";
  return join("/sys/fs/cgroup", path);
}

/** "200000 100000" is two CPUs; "max 100000" is no limit. */
function cpuQuota(text: string | null): number | null {
  const pair = numberPair(text);
  return pair === null ? null : pair[0] / pair[1];
}

function openFileLimits(): [number | null, number | null] {
  const match = /^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)/m.exec(readText("/proc/self/limits") ?? "");
  const read = (text: string | undefined) => (text === undefined ? null : text === "unlimited" ? Number.POSITIVE_INFINITY : Number(text));
  return [read(match?.[1]), read(match?.[2])];
}

async function loadError(name: string): Promise<string | null> {
  try {
    await import(name);
    return null;
  } catch (error) {
    return (error as Error).message.split("\n", 1)[0]!;
  }
}

function listenError(host: string, port: number, reusePort: boolean): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  const server = createServer();
  server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  server.listen({ host, port, reusePort, exclusive: true }, () => server.close(() => resolve(null)));
  return promise;
}

/** The folder itself, or the nearest one above that exists: what would have to be writable to make it. */
function nearestFolder(path: string): string {
  for (let folder = path; ; folder = dirname(folder)) {
    try {
      accessSync(folder, constants.F_OK);
      return folder;
    } catch {
      if (dirname(folder) === folder) return folder;
    }
  }
}

/** Writes for real: permissions alone don't show a read-only or full file system. */
function writeError(folder: string): string | null {
  try {
    const probe = mkdtempSync(join(folder, ".pilotlight-doctor-"));
    mkdirSync(join(probe, "sub"));
    rmSync(probe, { recursive: true });
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? (error as Error).message;
  }
}
