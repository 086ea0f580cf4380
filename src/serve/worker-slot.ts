/**
 * WorkerSlot: keeps one worker alive in one role. Starts it, watches its pulse
 * and its memory, starts it again after a death with back-off, replaces it
 * without a gap, drains it. What the worker is told and who is blamed for its
 * death is the host's business.
 */
import { type Backoff, createBackoff, HEALTHY_AFTER_MS } from "../base/backoff.ts";
import { createPulse, type Pulse } from "./heartbeat.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { isSuspended } from "./process-state.ts";
import type { WorkerExit, WorkerProcess } from "./worker-process.ts";

/** Why a worker that could go on is replaced; "rights": a deployment needs some that it was not started with. */
export type ReplaceReason = "memory" | "runaway" | "rights";
export const REPLACED_BECAUSE: Readonly<Record<ReplaceReason, string>> = {
  memory: "passed its memory ceiling",
  runaway: "runs a turn that can't be stopped",
  rights: "lacks rights that functions need now (folders to write to, processes to start)",
};
export type RestartReason = "exit" | "signal" | "silent" | ReplaceReason;

export interface SlotHost {
  fork(slot: WorkerSlot): WorkerProcess;
  /** What a new worker is told; null while the deployment is not ready: `sendStart` follows. */
  startMessage(slot: WorkerSlot, worker: WorkerProcess): ToWorker | null;
  onMessage(slot: WorkerSlot, worker: WorkerProcess, message: FromWorker): void;
  /** An unexpected end. False leaves the slot empty. */
  onDeath(slot: WorkerSlot, worker: WorkerProcess, exit: WorkerExit, reason: RestartReason): boolean;
  /** Any end, expected or not, after `onDeath`. */
  onGone(worker: WorkerProcess): void;
  /** It goes on for as long as its open calls may take; another takes its place. */
  onReplacing(slot: WorkerSlot, worker: WorkerProcess, reason: ReplaceReason): void;
  /** About to leave on purpose: the last moment to ask it anything. */
  onLeaving(worker: WorkerProcess): void;
}

/** The base load of a worker may lie above a badly chosen ceiling: replacing it again and again would help nobody. */
const REPLACE_MIN_AGE_MS = HEALTHY_AFTER_MS;
/** How long calls in flight may take to finish when their worker leaves; it cuts the rest short itself. */
export const DRAIN_GRACE_MS = 30_000;
/** What a worker gets on top, to end its calls and say its last counts. */
const LEAVE_MARGIN_MS = 1_000;
const EXIT_AFTER_DRAINED_MS = 2_000;
/** To stop listening, a worker needs a few turns of its loop; one that is stuck would keep whoever waits for that. */
const LET_GO_MAX_MS = 2_000;
/** A runaway may leave no memory or processor for a successor to boot with: after so many it goes without one. */
const RUNAWAY_SUCCESSORS_MAX = 3;

/** A worker that is to leave once another has taken its place. */
interface Replacement {
  readonly worker: WorkerProcess;
  readonly reason: ReplaceReason;
  /** What it may still take for its open calls. */
  readonly graceMs: number;
  failedSuccessors: number;
  /** Called when a successor listens alone, or the first could not. */
  readonly tried: () => void;
}

export interface SlotRole {
  readonly name: string;
  /** The function this slot is dedicated to; null for a shared worker. */
  readonly functionId: string | null;
  /** Where its worker listens; null for the public port. */
  readonly socketPath: string | null;
  /** Its worker runs the function where the inspector sees it (`profile`). */
  readonly inspected: boolean;
}

export class WorkerSlot implements SlotRole {
  readonly name: string;
  readonly functionId: string | null;
  readonly socketPath: string | null;
  readonly inspected: boolean;
  restarts = 0;
  listening = false;
  worker: WorkerProcess | null = null;
  /** Resolves when the first worker listens, or has ended without: what comes later is a restart. */
  readonly settled: Promise<void>;
  #settle: () => void = () => {};
  readonly #host: SlotHost;
  readonly #memoryMaxBytes: number;
  readonly #backoff: Backoff = createBackoff();
  readonly #pulses = new Map<WorkerProcess, Pulse>();
  readonly #leaving = new Map<WorkerProcess, () => void>();
  /** Those whose last request is still to come. */
  readonly #holding = new Map<WorkerProcess, () => void>();
  #successor: WorkerProcess | null = null;
  #replacement: Replacement | null = null;
  /** Of the worker, or of a successor while one is wanted. */
  #restartTimer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(role: SlotRole, memoryMaxBytes: number, host: SlotHost) {
    this.name = role.name;
    this.functionId = role.functionId;
    this.socketPath = role.socketPath;
    this.inspected = role.inspected;
    this.#memoryMaxBytes = memoryMaxBytes;
    this.#host = host;
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get failedBoots(): number {
    return this.#backoff.deaths;
  }

  start(): void {
    if (this.worker !== null || this.#closed) return;
    this.#cancelRestart();
    this.listening = false;
    this.worker = this.#spawn();
    this.sendStart();
  }

  sendStart(): void {
    if (this.worker === null) return;
    const message = this.#host.startMessage(this, this.worker);
    if (message !== null) this.worker.send(message);
  }

  /** Whom new requests may meet: the worker, and the successor that is about to take over. */
  get serving(): readonly WorkerProcess[] {
    return [this.worker, this.#successor].filter((worker) => worker !== null);
  }

  send(message: ToWorker): void {
    for (const worker of this.serving) worker.send(message);
  }

  tick(elapsedMs: number): void {
    for (const [worker, pulse] of this.#pulses) {
      if (pulse.tick(elapsedMs)) worker.condemnForSilence(isSuspended(worker.pid) ? "suspended" : "stuck");
    }
    const worker = this.worker;
    if (worker !== null && worker.residentBytes > this.#memoryMaxBytes && worker.livedMs > REPLACE_MIN_AGE_MS) {
      void this.replace(worker, "memory", DRAIN_GRACE_MS);
    }
  }

  /** Asks every worker of this slot to finish what it has, then leave; kills what is left after the grace. */
  async drain(graceMs: number): Promise<void> {
    this.#close();
    const workers = [...this.#pulses.keys()];
    await Promise.all(workers.map((worker) => this.#leave(worker, graceMs)));
  }

  kill(): void {
    this.#close();
    for (const worker of this.#pulses.keys()) worker.kill();
  }

  #close(): void {
    this.#closed = true;
    this.#settle();
    this.#replacement?.tried();
    this.#cancelRestart();
  }

  #cancelRestart(): void {
    if (this.#restartTimer !== null) clearTimeout(this.#restartTimer);
    this.#restartTimer = null;
  }

  #spawn(): WorkerProcess {
    const worker = this.#host.fork(this);
    const pulse = createPulse();
    this.#pulses.set(worker, pulse);
    worker.onMessage = (message) => {
      pulse.beat();
      this.#receive(worker, message);
    };
    worker.onExit = (exit) => this.#ended(worker, exit);
    return worker;
  }

  #receive(worker: WorkerProcess, message: FromWorker): void {
    if (message.type === "heartbeat") {
      worker.residentBytes = message.residentBytes;
      worker.inFlight = message.inFlight;
    } else if (message.type === "listening") {
      if (worker === this.#successor) this.#succeed(worker);
      else this.listening = true;
      this.#settle();
    } else if (message.type === "failed") {
      worker.lastWords = message.failure.message;
    } else if (message.type === "letGo") {
      this.#holding.get(worker)?.();
    } else if (message.type === "drained") {
      setTimeout(() => worker.kill(), EXIT_AFTER_DRAINED_MS).unref();
    }
    this.#host.onMessage(this, worker, message);
  }

  /**
   * The successor listens before the predecessor stops: no connection is refused in between. Resolves when the predecessor gets no
   * new request any more, or when the first successor died.
   */
  async replace(worker: WorkerProcess, reason: ReplaceReason, graceMs: number): Promise<void> {
    if (this.#replacement !== null || this.#closed || worker.expected || worker !== this.worker) return;
    this.restarts++;
    this.#host.onReplacing(this, worker, reason);
    if (this.functionId !== null) {
      // A unix socket has one owner: this one leaves first, callers wait and try again.
      void this.#leave(worker, graceMs);
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#replacement = { worker, reason, graceMs, failedSuccessors: 0, tried: resolve };
    this.#spawnSuccessor();
    await promise;
  }

  #spawnSuccessor(): void {
    const successor = this.#spawn();
    this.#successor = successor;
    const message = this.#host.startMessage(this, successor);
    if (message !== null) successor.send(message);
  }

  #succeed(successor: WorkerProcess): void {
    const replacement = this.#replacement;
    this.worker = successor;
    this.#successor = null;
    this.#replacement = null;
    this.listening = true;
    if (replacement === null) return;
    const { worker, graceMs, tried } = replacement;
    const waited = setTimeout(tried, LET_GO_MAX_MS).unref();
    this.#holding.set(worker, () => {
      clearTimeout(waited);
      this.#holding.delete(worker);
      tried();
    });
    void this.#leave(worker, graceMs);
    if (worker.exited) this.#holding.get(worker)?.();
  }

  /** A successor died at boot. Whom it was to replace serves on meanwhile, unless it may be the cause. */
  #tryAnotherSuccessor(waitMs: number): void {
    const replacement = this.#replacement;
    if (replacement === null) return;
    replacement.failedSuccessors++;
    replacement.tried();
    if (replacement.reason === "runaway" && replacement.failedSuccessors >= RUNAWAY_SUCCESSORS_MAX) {
      this.#replacement = null;
      void this.#leave(replacement.worker, replacement.graceMs);
    } else {
      this.#restartTimer = setTimeout(() => this.#spawnSuccessor(), waitMs);
    }
  }

  #leave(worker: WorkerProcess, graceMs: number): Promise<void> {
    if (worker.exited) return Promise.resolve();
    this.#host.onLeaving(worker);
    worker.expected = true;
    if (!worker.send({ type: "drain", graceMs })) worker.kill();
    return new Promise((resolve) => {
      const deadline = setTimeout(() => worker.kill(), graceMs + LEAVE_MARGIN_MS);
      const previous = this.#leaving.get(worker);
      this.#leaving.set(worker, () => {
        clearTimeout(deadline);
        previous?.();
        resolve();
      });
    });
  }

  #ended(worker: WorkerProcess, exit: WorkerExit): void {
    this.#pulses.delete(worker);
    this.#settle();
    const isCurrent = worker === this.worker;
    const isSuccessor = worker === this.#successor;
    if (isSuccessor) this.#successor = null;
    if (isCurrent) this.#vacate();
    let startAgain = isCurrent && this.worker === null;
    if (!worker.expected) {
      if (isCurrent) this.restarts++;
      startAgain = this.#host.onDeath(this, worker, exit, deathReason(worker, exit)) && startAgain;
    }
    this.#host.onGone(worker);
    this.#holding.get(worker)?.();
    this.#leaving.get(worker)?.();
    this.#leaving.delete(worker);
    if (this.#closed) return;
    if (isSuccessor) this.#tryAnotherSuccessor(this.#backoff.died(worker.livedMs));
    if (!startAgain) return;
    const waitMs = worker.expected ? 0 : this.#backoff.died(worker.livedMs);
    this.#restartTimer = setTimeout(() => this.start(), waitMs);
  }

  /** The worker has ended: a successor that is already booting takes its place. */
  #vacate(): void {
    this.worker = this.#successor;
    this.#successor = null;
    this.#replacement?.tried();
    this.#replacement = null;
    this.listening = false;
    this.#cancelRestart();
  }
}

function deathReason(worker: WorkerProcess, exit: WorkerExit): RestartReason {
  if (worker.silence !== null) return "silent";
  return exit.signal === null ? "exit" : "signal";
}
