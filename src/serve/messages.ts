/**
 * Messages between the supervisor and its workers, over Node's JSON channel.
 * Both sides import this file and nothing of each other.
 */
import type { Failure } from "../base/result.ts";
import type { Config } from "../config/config.ts";
import type { MetricsSnapshot } from "../telemetry/metrics.ts";
import type { BundleRef, Deployment } from "./function-spec.ts";
import type { JobEvent } from "./jobs/job-runner.ts";

/** How a worker takes connections. */
export type Listen =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  /** A dedicated worker (isolation: process, probation): a unix socket that the others forward to. */
  | { readonly kind: "unix"; readonly path: string }
  /** No listener: each connection arrives as a `connection` message with its socket (platforms without reusePort). */
  | { readonly kind: "handoff" };

export type ToWorker =
  | {
      readonly type: "start";
      readonly config: Config;
      readonly deployment: Deployment;
      readonly listen: Listen;
      readonly snapshotFile: string;
      readonly flightFile: string;
      readonly placements: readonly Placement[];
      /** Runs its one function where the inspector can see it, outside the sandbox's limits (`profile`). */
      readonly inspected: boolean;
    }
  /** Swap the routes; sandboxes of functions that changed drain and close. Answered by `deployed`. */
  | {
      readonly type: "deploy";
      readonly requestId: number;
      readonly deployment: Deployment;
      readonly placements: readonly Placement[];
    }
  | { readonly type: "place"; readonly placements: readonly Placement[] }
  | { readonly type: "built"; readonly functionId: string; readonly bundle: BundleRef | null; readonly failure: Failure | null }
  | { readonly type: "collect"; readonly requestId: number }
  | {
      readonly type: "profile";
      readonly requestId: number;
      readonly functionId: string;
      readonly kind: "cpu" | "heap";
      readonly durationMs: number;
    }
  /** Comes with the accepted socket as the message's handle; only to workers that listen by "handoff". */
  | { readonly type: "connection" }
  /** There may be jobs to run. */
  | { readonly type: "jobs" }
  /** Finish what is in flight within the grace, cut the rest short, say `drained` and exit. */
  | { readonly type: "drain"; readonly graceMs: number };

/**
 * Where a function runs when it does not run in the worker that took the connection.
 * Every list of placements is the whole list and replaces the one before. A
 * dedicated worker may not listen yet: whoever finds its socket absent or
 * refusing sends `wake`, tries again for a few seconds, then answers 503.
 */
export type Placement =
  | {
      readonly functionId: string;
      readonly where: "dedicated";
      readonly socketPath: string;
      readonly why: "isolation" | "probation" | "profile";
    }
  | { readonly functionId: string; readonly where: "quarantine"; readonly reason: string };

export type FromWorker =
  | { readonly type: "booted" }
  | { readonly type: "listening"; readonly port: number | null }
  /** It cannot serve and exits: a port taken meanwhile, an unreadable certificate. */
  | { readonly type: "failed"; readonly failure: Failure }
  /** From here on it serves that deployment and no other. */
  | { readonly type: "deployed"; readonly requestId: number }
  | { readonly type: "heartbeat"; readonly residentBytes: number; readonly inFlight: readonly string[] }
  | { readonly type: "build"; readonly functionId: string }
  /** A turn of this function can't be stopped and goes on using processor and memory: only the worker's end ends it. */
  | { readonly type: "runaway"; readonly functionId: string }
  /** The dedicated worker of this function does not answer on its socket: start it. */
  | { readonly type: "wake"; readonly functionId: string }
  | { readonly type: "collected"; readonly requestId: number; readonly metrics: MetricsSnapshot }
  | { readonly type: "profiled"; readonly requestId: number; readonly profile: string | null; readonly failure: Failure | null }
  /** JSON log lines, newline-terminated, batched. */
  | { readonly type: "log"; readonly lines: string }
  /** A dedicated worker's function answered often enough without harm: probation may end. */
  | { readonly type: "cleared"; readonly functionId: string }
  /** "waiting": more jobs than one worker can take. The others are what became of one. */
  | { readonly type: "jobs"; readonly event: JobEvent }
  /** It drains, and gets no new request: its port and the connections that waited are somebody else's. */
  | { readonly type: "letGo" }
  | { readonly type: "drained" };
