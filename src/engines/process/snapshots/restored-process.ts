/**
 * Restored process: an instance that was made of a CRIU image. Its parent is the
 * CRIU that restored it, which waits for it inside the same namespace: that one is
 * held, limited and killed like any process that we started (started-process.ts), but
 * is no part of the function: it must not hear the function's signals, and its
 * end is not how the function ended.
 */
import type { Readable, Writable } from "node:stream";
import type { Result } from "../../../base/result.ts";
import type { Hello, LaunchedProcess, LaunchFailure, Origin, ProcessEnd } from "../launch/launched.ts";
import { endOfForked } from "../launch/process-end.ts";
import { descendantsOf, innerPidOf, signal } from "../launch/process-tree.ts";
import type { StartedProcess } from "../launch/started-process.ts";
import type { RingFile } from "../ring/ring-file.ts";
import { type ExitWatch, watchExit } from "./exit-status.ts";

/** Behind it may stand why we ended it. */
const CRIUS_END = "exit code 0";
const UNKNOWN = "exit code unknown (Linux tells that of a restored process from 6.15 on)";

export class RestoredProcess implements LaunchedProcess {
  readonly pid: number;
  readonly origin: Origin = "restored";
  readonly insteadBecause = null;
  readonly spawnMs: number;
  readonly stdin: Writable | null = null;
  readonly stdout: Readable | null = null;
  readonly port: number;
  readonly ring: RingFile | null;
  readonly ready: Promise<Result<Hello, LaunchFailure>>;
  readonly ended: Promise<ProcessEnd>;
  readonly #holder: StartedProcess;
  readonly #exit: ExitWatch;
  #wasKilled = false;

  /** `holder`: CRIU, with the process restored. `innerPid`: of the process, in its namespace. */
  constructor(holder: StartedProcess, innerPid: number, restoreMs: number) {
    this.#holder = holder;
    this.pid = descendantsOf(holder.pid).find((pid) => innerPidOf(pid) === innerPid) ?? holder.pid;
    this.spawnMs = restoreMs;
    this.port = holder.port;
    this.ring = holder.ring;
    this.ready = holder.ready;
    this.#exit = watchExit(this.pid);
    this.ended = holder.ended.then((end) => this.#endedWith(end));
  }

  lastErrorLines(): string {
    return this.#holder.lastErrorLines();
  }

  memoryBytes(): number {
    return this.#holder.memoryBytes();
  }

  terminate(): void {
    for (const pid of [this.pid, ...descendantsOf(this.pid)]) signal(pid, "SIGTERM");
  }

  kill(): void {
    this.#wasKilled = true;
    this.#holder.kill();
  }

  #endedWith(end: ProcessEnd): ProcessEnd {
    const status = this.#exit.read();
    // Killed with its namespace: what held it says so. Otherwise CRIU has seen it end, and ends with 0 itself.
    if (this.#wasKilled || end.code !== 0) return end;
    if (status === null) return { code: null, signal: null, told: UNKNOWN };
    const own = endOfForked(status.code, status.signalNumber);
    return { ...own, told: own.told + end.told.slice(CRIUS_END.length) };
  }
}
