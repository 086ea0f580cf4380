/**
 * Machine probe: finds out the facts of this machine (machine-facts.ts) by
 * trying: a kernel that has namespaces may refuse them to us, and a control
 * group that is there may be read-only. Starts a few short processes, once for
 * each process of ours. Changes nothing but our own place among control groups,
 * where there is one to have (cgroup-home.ts).
 */
import { execFile } from "node:child_process";
import { accessSync, constants, readFileSync, statfsSync } from "node:fs";
import { release } from "node:os";
import { promisify } from "node:util";
import { setprivFile } from "../../../base/setpriv.ts";
import type { NamespaceKind } from "../../../config/process-settings.ts";
import { sweepCgroups } from "./cgroup.ts";
import { findCgroupHome } from "./cgroup-home.ts";
import { probeCriu } from "./criu-probe.ts";
import { unshareFlags } from "./launch-plan.ts";
import type { MachineFacts } from "./machine-facts.ts";
import { ffiLack } from "./pipes.ts";

const PROBE_TIMEOUT_MS = 10_000;
const SHELL = "/bin/sh";
const UNSHARE_PLACES = ["/usr/bin/unshare", "/bin/unshare"];
const SHARED_MEMORY_FOLDER = "/dev/shm";
const NOTHING = { pid: false, user: false, network: false };

/** `serverPid`: of the process whose children and theirs are all of this server. */
export interface ProbeOptions {
  readonly serverPid: number;
  /** Asked only where somebody wants to know: `criu check` takes a tenth of a second. */
  readonly withCriu: boolean;
  /** False changes nothing, and tells what could be had. */
  readonly mayMove: boolean;
}

let known: Promise<MachineFacts> | null = null;

/** Probed once in this process. */
export function machineFacts(serverPid: number): Promise<MachineFacts> {
  known ??= probeMachine({ serverPid, withCriu: false, mayMove: true });
  return known;
}

export async function probeMachine({ serverPid, withCriu, mayMove }: ProbeOptions): Promise<MachineFacts> {
  const isLinux = process.platform === "linux";
  const shellFile = isThere(SHELL) ? SHELL : null;
  const unshareFile = isLinux ? (UNSHARE_PLACES.find(isThere) ?? null) : null;
  const { home, lack } = isLinux ? findCgroupHome({ serverPid, mayMove }) : { home: null, lack: `${process.platform} has none` };
  if (home !== null && mayMove) sweepCgroups(home);
  return {
    platform: process.platform,
    kernel: release(),
    isRoot: process.geteuid?.() === 0,
    shellFile,
    setprivFile: setprivFile(),
    unshareFile,
    ...(await probeNamespaces(unshareFile)),
    namespaceMend: isLinux ? namespaceMend() : null,
    cgroupHome: home,
    cgroupLack: lack,
    ffiLack: ffiLack(),
    openFilesHard: openFilesHard(),
    sharedMemoryFreeBytes: sharedMemoryFreeBytes(),
    criu: withCriu ? await probeCriu(process.env["PATH"] ?? "") : { file: null, version: null, lack: "it was not looked for" },
  };
}

type NamespaceFacts = Pick<MachineFacts, "namespaces" | "needsUserNamespace" | "mountsProc">;

/** The PID namespace in the best way that works: for root without a user namespace, and with a /proc of its own. */
async function probeNamespaces(unshareFile: string | null): Promise<NamespaceFacts> {
  if (unshareFile === null) return { namespaces: all("there is no unshare (util-linux)"), needsUserNamespace: false, mountsProc: false };
  const tried = (wanted: Partial<typeof NOTHING>, mountsProc: boolean) => tryUnshare(unshareFile, { ...NOTHING, ...wanted }, mountsProc);
  let pid: string | null = null;
  let best = { user: false, mountsProc: false };
  for (const way of [
    { user: false, mountsProc: true },
    { user: true, mountsProc: true },
    { user: false, mountsProc: false },
    { user: true, mountsProc: false },
  ]) {
    const lack = await tried({ pid: true, user: way.user }, way.mountsProc);
    // What the plainest way was refused for is what is told.
    pid = lack === null ? null : (pid ?? lack);
    if (lack === null) {
      best = way;
      break;
    }
  }
  const [user, network] = await Promise.all([tried({ user: true }, false), tried({ network: true, user: best.user }, false)]);
  return { namespaces: { pid, user, network }, needsUserNamespace: best.user, mountsProc: best.mountsProc };
}

function all(lack: string): Record<NamespaceKind, string> {
  return { pid: lack, user: lack, network: lack };
}

/** Why not, in unshare's own words; null when it works. */
async function tryUnshare(file: string, namespaces: typeof NOTHING, mountsProc: boolean): Promise<string | null> {
  const failure = await run(file, [...unshareFlags(namespaces, mountsProc), "--", SHELL, "-c", ":"]);
  return failure.error === null
    ? null
    : (failure.stderr
        .trim()
        .split("\n")[0]
        ?.replace(/^unshare: /, "") ??
        "") ||
        failure.error;
}

/** Settings of the kernel and its distributions that keep namespaces from ordinary users. */
const REFUSALS: readonly (readonly [file: string, refusing: string, mend: string])[] = [
  ["kernel/apparmor_restrict_unprivileged_userns", "1", "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"],
  ["kernel/unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"],
  ["user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=16384"],
  ["user/max_pid_namespaces", "0", "sysctl -w user.max_pid_namespaces=16384"],
];

function namespaceMend(): string | null {
  return REFUSALS.find(([file, refusing]) => textOf(`/proc/sys/${file}`).trim() === refusing)?.[2] ?? null;
}

interface Ran {
  readonly stderr: string;
  /** null when it ended with 0. */
  readonly error: string | null;
}

async function run(file: string, args: readonly string[]): Promise<Ran> {
  try {
    const { stderr } = await promisify(execFile)(file, [...args], { timeout: PROBE_TIMEOUT_MS, killSignal: "SIGKILL" });
    return { stderr, error: null };
  } catch (error) {
    const { stderr = "", message } = error as Error & { stderr?: string };
    return { stderr, error: message.split("\n", 1)[0]! };
  }
}

function isThere(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function openFilesHard(): number | null {
  const hard = /^Max open files\s+\S+\s+(\d+)/m.exec(textOf("/proc/self/limits"))?.[1];
  return hard === undefined ? null : Number(hard);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

function sharedMemoryFreeBytes(): number | null {
  try {
    const { bavail, bsize } = statfsSync(SHARED_MEMORY_FOLDER);
    return bavail * bsize;
  } catch {
    return null;
  }
}
