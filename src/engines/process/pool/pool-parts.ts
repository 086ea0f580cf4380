/**
 * Pool parts: what the pool of a function's instances is given. Processes and
 * links are made by others (launch/, links/) and known here by these contracts
 * alone: the property tests run the same pool over processes that don't exist.
 */
import type { Result } from "../../../base/result.ts";
import type { ProcessSettings } from "../../../config/process-settings.ts";
import type { LogLevel } from "../../../telemetry/log-record.ts";
import type { Call } from "../../engine.ts";
import type { Hello, LaunchedProcess, Launcher, LaunchFailure } from "../launch/launched.ts";
import type { Link } from "../links/link.ts";
import type { PoolClock } from "./pool-clock.ts";
import type { ProcessCounters } from "./process-counters.ts";
import type { StartGate } from "./start-gate.ts";

export interface LinkMaker {
  /** To a process that has said how it wants to be called. Fails where it can't be made; the process is of no use then. */
  open(process: LaunchedProcess, hello: Hello): Result<Link, LaunchFailure> | Promise<Result<Link, LaunchFailure>>;
  /** To a process that is given one call, on the standard input and output that are ours. */
  oneShot(process: LaunchedProcess): Link;
  /** What a one-shot process finds of its call in its environment. */
  environmentOf(call: Call): Readonly<Record<string, string>>;
}

export interface PoolParts {
  readonly functionId: string;
  readonly settings: ProcessSettings;
  readonly memoryMaxBytes: number;
  readonly timeoutMs: number;
  /** Every call gets an instance of its own. */
  readonly freshState: boolean;
  readonly launcher: Launcher;
  readonly links: LinkMaker;
  readonly clock: PoolClock;
  readonly gate: StartGate;
  readonly counters: ProcessCounters;
  /** Unique in the worker. */
  nextInstance(): number;
  /** A record of the function that belongs to no call. */
  log(level: LogLevel, message: string): void;
}
