/**
 * Launched: one process that was started for a function, and the contract of
 * those who start them: plainly, from a fork server, from a CRIU image. What a
 * start cost is told by phase; why a better way was not taken is never kept back.
 */
import type { Duplex, Readable, Writable } from "node:stream";
import type { Result } from "../../../base/result.ts";
import type { LinkWay } from "../links/link.ts";
import type { RingFile } from "../ring/ring-file.ts";

/** How an instance came to be. */
export type Origin = "started" | "forked" | "restored" | "deserialized";

/** Milliseconds of each phase, in their order; what a way does not have is absent. */
export interface StartPhases {
  /** Until the process exists: spawn, fork or restore. */
  readonly spawnMs: number;
  /** From there to READY (or its port, or its first answer). */
  readonly readyMs: number;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** "exit code 3", "SIGKILL (memory limit)", "could not be started: no such interpreter: /usr/bin/env ruby". */
  readonly told: string;
}

/** What it said on the socket: how it wants to be called. */
export interface Hello {
  readonly way: Exclude<LinkWay, "stdio"> | "fork" | "snapshot";
  /** Open except for a bare READY, whose connection is not used again. */
  readonly connection: Duplex | null;
  /** Calls it can take at a time, as it says; null where it says nothing. */
  readonly concurrency: number | null;
}

export interface LaunchedProcess {
  readonly pid: number;
  readonly origin: Origin;
  /** Why not in the way that was asked for; null when it was. */
  readonly insteadBecause: string | null;
  readonly spawnMs: number;
  /**
   * What it says of itself, or why it never will: time-out, garbage, its end. Settles once. After another failure than its
   * end it still runs: whoever launched it kills it. A one-shot program says nothing; with `call: stdio` no time-out tells so.
   */
  readonly ready: Promise<Result<Hello, LaunchFailure>>;
  /** Standard input and output where they are ours (one-shot, or not decided yet); null otherwise. */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  /** Where it listens for HTTP; 0 where its settings leave no way that needs one. */
  readonly port: number;
  /** Its ring, where one was asked for and there was memory for it. Closed when it has ended. */
  readonly ring: RingFile | null;
  /** Ended with everything it started, as far as this machine can tell. */
  readonly ended: Promise<ProcessEnd>;
  /** The last lines that it wrote to standard error, for messages; "" when there are none. */
  lastErrorLines(): string;
  /** Of all its processes; 0 when unknown. */
  memoryBytes(): number;
  /** SIGTERM to all of it. */
  terminate(): void;
  /** SIGKILL to all of it: process group, namespace or control group. */
  kill(): void;
}

export type LaunchFailureCode = "NOT_EXECUTABLE" | "NO_INTERPRETER" | "SPAWN_FAILED" | "READY_TIMEOUT" | "BAD_READY" | "ENDED_EARLY";

export interface LaunchFailure {
  readonly code: LaunchFailureCode;
  /** What happened, to what, what to do; with the last lines of its standard error. */
  readonly message: string;
}

export interface Launcher {
  /** Resolves when the process exists; its READY is another matter. */
  launch(order: LaunchOrder): Promise<Result<LaunchedProcess, LaunchFailure>>;
  /** Ends what it keeps (fork servers, images, sockets). */
  close(): void;
}

export interface LaunchOrder {
  /** Unique in the worker. */
  readonly instance: number;
  /** Makes its ring and names it to the process. */
  readonly withRing: boolean;
  /** The request of a one-shot call is its environment too. What the protocol names can't be changed by it. */
  readonly moreEnv: Readonly<Record<string, string>>;
  /** Gives standard input and output to the caller; otherwise input is empty and output is logged. */
  readonly ownsStdio: boolean;
}
