/**
 * Started process: one process that this one spawned, with everything it starts:
 * its signals, its memory, its end. How it is held (PID namespace, control
 * group, neither) was decided by its plan. `ended` settles once, when it is gone
 * with all that could be found of it and its last lines were read.
 */
import type { ChildProcess } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { Result } from "../../../base/result.ts";
import type { RingFile } from "../ring/ring-file.ts";
import type { Cgroup } from "./cgroup.ts";
import type { Hello, LaunchedProcess, LaunchFailure, Origin, ProcessEnd } from "./launched.ts";
import type { LimitHolders } from "./limit-holders.ts";
import { watchLimits } from "./memory-watch.ts";
import type { OutputReader } from "./output-reader.ts";
import { endOf } from "./process-end.ts";
import { childrenOf, descendantsOf, residentBytes, signal } from "./process-tree.ts";
import { killTree, searchFor } from "./tree-killer.ts";

export interface StartedParts {
  readonly child: ChildProcess;
  readonly origin: Origin;
  readonly holders: LimitHolders;
  readonly insteadBecause: string | null;
  readonly spawnMs: number;
  readonly memoryMaxBytes: number;
  readonly processMax: number;
  readonly cgroup: Cgroup | null;
  readonly port: number;
  readonly ring: RingFile | null;
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  /** What is read for the log; standard error first. */
  readonly readers: readonly OutputReader[];
  /** "NAME=value", in its environment and nobody else's. */
  readonly mark: string;
  /** Frees what it had: socket, port, ring. Called once, when it has ended. */
  readonly cleanUp: () => void;
}

/** Output that somebody detached may keep open is not waited for longer. */
const LAST_LINES_WAIT_MS = 150;

export class StartedProcess implements LaunchedProcess {
  readonly origin: Origin;
  readonly insteadBecause: string | null;
  readonly spawnMs: number;
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly port: number;
  readonly ring: RingFile | null;
  readonly ended: Promise<ProcessEnd>;
  /** Children that are instances of their own, and count as such. */
  readonly instancesBelow = new Set<number>();
  ready!: Promise<Result<Hello, LaunchFailure>>;
  readonly #parts: StartedParts;
  readonly #outerPid: number;
  readonly #stopWatch: () => void;
  #programPid = 0;
  #hasExited = false;
  #wasKilled = false;
  #endedBecause: string | null = null;

  constructor(parts: StartedParts) {
    this.#parts = parts;
    this.#outerPid = parts.child.pid!;
    this.origin = parts.origin;
    this.insteadBecause = parts.insteadBecause;
    this.spawnMs = parts.spawnMs;
    this.stdin = parts.stdin;
    this.stdout = parts.stdout;
    this.port = parts.port;
    this.ring = parts.ring;
    const { memory, processes } = parts.holders;
    this.#stopWatch = watchLimits({
      pids: () => this.#pids(),
      memoryMaxBytes: memory === "watch" ? parts.memoryMaxBytes : null,
      processMax: processes === "watch" ? parts.processMax : null,
      exceeded: (what) => this.endBecause(what),
    });
    const { promise, resolve } = Promise.withResolvers<ProcessEnd>();
    this.ended = promise;
    parts.child.once("exit", (code, signalName) => void this.#exited(code, signalName).then(resolve));
    // What it emits after a start that succeeded (a signal that could not be sent) has been told by what was returned.
    parts.child.on("error", () => {});
    // Nor may its streams end us before somebody listens to them: whoever writes is told by their end.
    parts.stdin?.on("error", () => {});
    parts.stdout?.on("error", () => {});
  }

  /** The program's own, as seen from here; that of its holder until there is one. */
  get pid(): number {
    if (!this.#parts.holders.namespaces.pid) return this.#outerPid;
    if (this.#programPid === 0) this.#programPid = childrenOf(this.#shellPid())[0] ?? 0;
    return this.#programPid || this.#shellPid() || this.#outerPid;
  }

  lastErrorLines(): string {
    return this.#parts.readers[0]?.lastLines() ?? "";
  }

  memoryBytes(): number {
    if (this.#hasExited) return 0;
    const { cgroup, holders } = this.#parts;
    return cgroup !== null && holders.memory === "cgroup" ? cgroup.memoryBytes() : residentBytes(this.#pids());
  }

  terminate(): void {
    if (this.#hasExited) return;
    const pids = this.#parts.holders.descendants === "group" ? [] : this.#pids();
    // Each once: to some programs a second SIGTERM means "now". The group where there is no way to know who there is.
    if (pids.length === 0) signal(-this.#outerPid, "SIGTERM");
    for (const pid of pids) signal(pid, "SIGTERM");
  }

  kill(): void {
    if (this.#hasExited) return;
    this.#wasKilled = true;
    const { holders, cgroup, mark } = this.#parts;
    if (holders.descendants === "namespace") this.#killNamespace();
    else if (cgroup === null || !cgroup.kill()) killTree(this.#outerPid, mark);
    if (holders.descendants === "group") signal(-this.#outerPid, "SIGKILL");
  }

  /** Killed for a reason that its end tells. */
  endBecause(why: string): void {
    this.#endedBecause ??= why;
    this.kill();
  }

  /** Takes the whole namespace along; its holder waits for that, so that the end that we see is the end of all. */
  #killNamespace(): void {
    const shellPid = this.#shellPid();
    // Not there yet: then nothing is but its holder, and whatever that is about to fork is in its group.
    if (shellPid === 0 || !signal(shellPid, "SIGKILL")) signal(-this.#outerPid, "SIGKILL");
  }

  async #exited(code: number | null, signalName: NodeJS.Signals | null): Promise<ProcessEnd> {
    this.#hasExited = true;
    this.#stopWatch();
    const { holders, cgroup, readers, mark, cleanUp } = this.#parts;
    const wasOutOfMemory = (cgroup?.oomKillCount() ?? 0) > 0;
    if (wasOutOfMemory) this.#endedBecause ??= "memory limit";
    if (holders.descendants !== "namespace") this.#endLeavings(mark);
    await Promise.race([Promise.all(readers.map(({ closed }) => closed)), sleep(LAST_LINES_WAIT_MS, undefined, { ref: false })]);
    for (const reader of readers) reader.stop();
    // What it said last may have come in this very turn: it is read from its ring before that is unmapped.
    await nextTurn();
    cleanUp();
    void cgroup?.remove();
    const wasKilled = this.#wasKilled || wasOutOfMemory;
    return endOf(code, signalName, { isHeld: holders.namespaces.pid, wasKilled, because: this.#endedBecause });
  }

  /** It is gone, and nobody is below it any more: what it left has another parent. */
  #endLeavings(mark: string): void {
    signal(-this.#outerPid, "SIGKILL");
    if (this.#parts.cgroup?.kill() !== true && this.#parts.holders.descendants === "search") searchFor(mark);
  }

  /** Of the program and what it started, without those that hold it. */
  #pids(): number[] {
    if (!this.#parts.holders.namespaces.pid) return [this.#outerPid, ...descendantsOf(this.#outerPid, this.instancesBelow)];
    const shellPid = this.#shellPid();
    return shellPid === 0 ? [] : descendantsOf(shellPid, this.instancesBelow);
  }

  /** The first process of its PID namespace; 0 while there is none. */
  #shellPid(): number {
    return childrenOf(this.#outerPid)[0] ?? 0;
  }
}
