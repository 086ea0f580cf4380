/**
 * Forked process: an instance that a fork server forked. It is the child of
 * another: its end is told by that one, its limits are watched here (or held by a
 * control group that it was moved to), and what it shares with its siblings
 * counts once among them all.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Result } from "../../../base/result.ts";
import type { RingFile } from "../ring/ring-file.ts";
import type { Cgroup } from "./cgroup.ts";
import type { ForkedChild } from "./fork-server.ts";
import type { Hello, LaunchedProcess, LaunchFailure, Origin, ProcessEnd } from "./launched.ts";
import { watchLimits } from "./memory-watch.ts";
import { descendantsOf, isSameProcess, proportionalBytes, signal, startTimeOf } from "./process-tree.ts";
import { killTree } from "./tree-killer.ts";

export interface ForkedParts {
  readonly child: ForkedChild;
  readonly spawnMs: number;
  readonly memoryMaxBytes: number;
  readonly processMax: number;
  readonly cgroup: Cgroup | null;
  readonly ring: RingFile | null;
  readonly mark: string;
  readonly lastErrorLines: () => string;
  readonly cleanUp: () => void;
}

export class ForkedProcess implements LaunchedProcess {
  readonly pid: number;
  readonly origin: Origin = "forked";
  readonly insteadBecause = null;
  readonly spawnMs: number;
  readonly stdin = null;
  readonly stdout = null;
  readonly port = 0;
  readonly ring: RingFile | null;
  readonly ended: Promise<ProcessEnd>;
  ready!: Promise<Result<Hello, LaunchFailure>>;
  readonly #parts: ForkedParts;
  /** With its pid, who it is: it may end, and its pid be somebody else's, before we hear of it. */
  readonly #startTime: string;
  readonly #stopWatch: () => void;
  #endedBecause: string | null = null;

  constructor(parts: ForkedParts) {
    this.#parts = parts;
    this.pid = parts.child.pid;
    this.spawnMs = parts.spawnMs;
    this.ring = parts.ring;
    this.#startTime = startTimeOf(this.pid);
    this.#stopWatch = watchLimits({
      pids: () => this.#pids(),
      memoryMaxBytes: parts.cgroup === null ? parts.memoryMaxBytes : null,
      processMax: parts.cgroup === null ? parts.processMax : null,
      exceeded: (what) => {
        this.#endedBecause ??= what;
        this.kill();
      },
    });
    this.ended = parts.child.ended.then((end) => this.#endedWith(end));
  }

  lastErrorLines(): string {
    return this.#parts.lastErrorLines();
  }

  memoryBytes(): number {
    return this.#parts.cgroup?.memoryBytes() ?? proportionalBytes(this.#pids());
  }

  terminate(): void {
    for (const pid of this.#pids()) signal(pid, "SIGTERM");
  }

  kill(): void {
    if (this.#parts.cgroup?.kill() !== true && this.#isThere()) killTree(this.pid, this.#parts.mark);
  }

  async #endedWith(end: ProcessEnd): Promise<ProcessEnd> {
    this.#stopWatch();
    const { cgroup, cleanUp } = this.#parts;
    if (cgroup !== null && cgroup.oomKillCount() > 0) this.#endedBecause ??= "memory limit";
    // What is said to have ended has.
    this.kill();
    // What it said last may have come in this very turn: it is read from its ring before that is unmapped.
    await nextTurn();
    cleanUp();
    void cgroup?.remove();
    return this.#endedBecause === null ? end : { ...end, told: `${end.told} (${this.#endedBecause})` };
  }

  #isThere(): boolean {
    return this.pid !== 0 && isSameProcess(this.pid, this.#startTime);
  }

  #pids(): number[] {
    return this.#isThere() ? [this.pid, ...descendantsOf(this.pid)] : [];
  }
}
