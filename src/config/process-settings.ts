/**
 * Process settings: how one function that is an executable is started, called,
 * kept and limited; everything decided. What each means to a user is said in
 * docs/process-functions.md; the defaults are here, so that the configuration,
 * an Aetherless file and the engine's tests fill in the same ones.
 */
import { KIB, MIB } from "../base/units.ts";

/** How a request reaches the process (docs/process-protocol.md). "auto" lets its first start tell. */
export type CallWay = "auto" | "ring" | "frames" | "http" | "stdio";

/** What an instance after the first may be made from, instead of a plain start. */
export type SnapshotKind = "none" | "fork" | "criu" | "node";

export type NamespaceKind = "pid" | "user" | "network";

export interface ProcessSettings {
  /** The program and its arguments; null runs the function's own file. "{file}" and "{port}" are filled in. */
  readonly command: readonly string[] | null;
  readonly call: CallWay;
  /** Instances in each worker: kept though idle, and at most. */
  readonly instanceMin: number;
  readonly instanceMax: number;
  /** Calls that one instance is given at a time. */
  readonly concurrency: number;
  /** Calls that wait for an instance; those behind are refused with 503. */
  readonly queueMax: number;
  /** An instance above the minimum that had no call for this long is stopped. */
  readonly idleTimeoutMs: number;
  /** From spawn to READY. */
  readonly readyTimeoutMs: number;
  /** From the polite request to stop to SIGKILL. */
  readonly stopTimeoutMs: number;
  /** An instance without calls is asked this often whether it still answers; 0 never asks. */
  readonly healthIntervalMs: number;
  readonly snapshot: SnapshotKind;
  /** Where images lie; null keeps them in the data folder. */
  readonly snapshotDir: string | null;
  /** A restore that takes longer is told as a warning, and counted. */
  readonly restoreTimeoutMs: number;
  readonly namespaces: readonly NamespaceKind[];
  /** A share of one core: 0.5, 2; null is no limit. Needs a control group. */
  readonly cpuMax: number | null;
  readonly openFileMax: number;
  readonly processMax: number;
  /** Each direction; a power of two. */
  readonly ringBytes: number;
  /** A CRC-32 over every message. */
  readonly ringChecks: boolean;
}

export const PROCESS_DEFAULTS: ProcessSettings = {
  command: null,
  call: "auto",
  instanceMin: 0,
  instanceMax: 4,
  concurrency: 1,
  queueMax: 256,
  idleTimeoutMs: 60_000,
  readyTimeoutMs: 30_000,
  stopTimeoutMs: 5_000,
  healthIntervalMs: 10_000,
  snapshot: "none",
  snapshotDir: null,
  restoreTimeoutMs: 1_000,
  namespaces: [],
  cpuMax: null,
  openFileMax: 1_024,
  processMax: 256,
  ringBytes: MIB,
  ringChecks: true,
};

export const RING_BYTES_MIN = 64 * KIB;
export const RING_BYTES_MAX = 1024 * MIB;
