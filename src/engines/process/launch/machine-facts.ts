/**
 * Machine facts: what this machine offers for holding and limiting processes of
 * functions. Data alone, so that plans and judgements (launch-plan.ts,
 * limits-told.ts, the doctor) can be tried with machines that we don't have.
 * Found out by machine-probe.ts. "Why not" is always kept: it is what people are told.
 */
import type { NamespaceKind } from "../../../config/process-settings.ts";

export type CgroupController = "memory" | "pids" | "cpu";

/** A folder of control groups (version 2) in which we may make more. */
export interface CgroupHome {
  readonly dir: string;
  /** What groups made there can limit. */
  readonly controllers: readonly CgroupController[];
}

export interface MachineFacts {
  readonly platform: NodeJS.Platform;
  /** "6.18.4". */
  readonly kernel: string;
  readonly isRoot: boolean;
  readonly shellFile: string | null;
  readonly setprivFile: string | null;
  readonly unshareFile: string | null;
  /** Why a namespace can't be had; null when it can. Each was tried. */
  readonly namespaces: Readonly<Record<NamespaceKind, string | null>>;
  /** The command that would allow them, where a setting of the kernel refuses; null where none is known to. */
  readonly namespaceMend: string | null;
  /** The other namespaces can be had only inside a user namespace. */
  readonly needsUserNamespace: boolean;
  /** A PID namespace may have a /proc of its own. */
  readonly mountsProc: boolean;
  readonly cgroupHome: CgroupHome | null;
  /** Why there is no `cgroupHome`, or why it lacks controllers; null when it lacks nothing. */
  readonly cgroupLack: string | null;
  /** Why Node's FFI can't be used (rings, pipes that can be opened by name); null when it can. */
  readonly ffiLack: string | null;
  /** Hard limit of open files of this process; null when unknown. */
  readonly openFilesHard: number | null;
  /** Bytes free in /dev/shm; null when there is none. Rings live in anonymous memory and don't need it; programs may. */
  readonly sharedMemoryFreeBytes: number | null;
  readonly criu: CriuFacts;
}

export interface CriuFacts {
  /** Null where there is none. */
  readonly file: string | null;
  /** "4.2.1"; null where there is none. */
  readonly version: string | null;
  /** Why it can't restore here; null when it can. */
  readonly lack: string | null;
}

/** Since then processes are counted by user namespace, and not only by user (ucounts). */
const NPROC_BY_NAMESPACE: KernelVersion = [5, 14];

type KernelVersion = readonly [major: number, minor: number];

/** Whether RLIMIT_NPROC in a user namespace counts its own processes alone. */
export function countsByUserNamespace(kernel: string): boolean {
  const [major = 0, minor = 0] = kernel.split(".", 2).map((part) => Number.parseInt(part, 10));
  return major > NPROC_BY_NAMESPACE[0] || (major === NPROC_BY_NAMESPACE[0] && minor >= NPROC_BY_NAMESPACE[1]);
}
