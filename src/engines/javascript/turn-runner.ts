/**
 * Turn runner: the moments in which guest code runs, in one of two lanes. The
 * loop lane is this thread (`applySync`, under the watchdog), the thread lane
 * isolated-vm's pool (`apply`, under a timer here). An isolate may change lanes
 * only while none of its turns is in the pool: applySync would wait for the
 * isolate's lock, held by a pool thread that may itself be waiting for one of
 * our callbacks. Knows nothing of calls but their ids.
 */
import type ivm from "isolated-vm";
import { LOOP_TURN_MAX_MS, type LaneHistory } from "./lane.ts";
import type { Watchdog } from "./watchdog.ts";

/** Something of an isolate that can run in either lane. */
export interface Entry {
  applySync(receiver: undefined, args: unknown[], options: ivm.ReferenceApplyOptions): unknown;
  apply(receiver: undefined, args: unknown[], options: ivm.ReferenceApplyOptions): Promise<unknown>;
}

export interface Turn {
  /** The call it runs for; 0 when for nobody in particular. */
  readonly callId: number;
  readonly entry: Entry;
  readonly args: unknown[];
  readonly options: ivm.ReferenceApplyOptions;
  readonly ended: ((value: unknown) => void) | null;
}

/** Told which function runs, so that a dead worker's supervisor can know (the flight record). */
export interface TurnObserver {
  loopTurn(functionId: string): void;
  /** Returns what `threadTurnEnded` wants back. */
  threadTurn(functionId: string): number;
  threadTurnEnded(slot: number): void;
}

export interface TurnOwner {
  /** The turn ended with an exception; the isolate may be gone. */
  threw(callId: number, error: unknown): void;
  /** A CPU limit was passed: the sandbox must end. */
  overran(message: string): void;
  /** No turn is in the pool any more. */
  poolLeft(): void;
}

export interface TurnLimits {
  readonly functionId: string;
  readonly cpuTimeoutMs: number;
}

/** A loop-lane turn of any sandbox is running: nothing may be entered until it returns. */
let turnDepth = 0;
export function isInTurn(): boolean {
  return turnDepth > 0;
}

const NO_ARGS: unknown[] = [];

export class TurnRunner {
  readonly #isolate: ivm.Isolate;
  readonly #lanes: LaneHistory;
  readonly #limits: TurnLimits;
  readonly #watchdog: Watchdog;
  readonly #observer: TurnObserver;
  readonly #owner: TurnOwner;
  /** Call ids of the turns in the pool, first the one that runs. */
  readonly #inPool: number[] = [];
  /** Turns that wait for the pool to be done with this isolate, so that it can move to the loop lane. */
  readonly #held: Turn[] = [];
  #onLoop = 0;
  #watchSlot = 0;
  #cpuTimer: NodeJS.Timeout | null = null;
  #cpuAtTurnStartNs = 0n;
  #closed = false;

  constructor(isolate: ivm.Isolate, lanes: LaneHistory, limits: TurnLimits, watchdog: Watchdog, observer: TurnObserver, owner: TurnOwner) {
    this.#isolate = isolate;
    this.#lanes = lanes;
    this.#limits = limits;
    this.#watchdog = watchdog;
    this.#observer = observer;
    this.#owner = owner;
  }

  get poolBusy(): boolean {
    return this.#inPool.length > 0;
  }

  /** The call whose turn is running, or 0. */
  get runningCallId(): number {
    return this.#onLoop || this.#inPool[0] || 0;
  }

  /** Whether the next turn may run on this thread; moves the isolate over when it has earned it. */
  inLoopLane(): boolean {
    if (this.#lanes.lane !== "loop" || this.#inPool.length > 0) return false;
    if (this.#watchSlot === 0) this.#watchSlot = this.#watchdog.guard(this.#isolate);
    return true;
  }

  /** Runs in whichever lane it may, at once or after the turn that is running. */
  run(turn: Turn): void {
    if (this.#closed) return;
    if (turnDepth > 0) queueMicrotask(() => this.run(turn));
    else if (this.inLoopLane()) {
      const value = this.runOnLoop(turn.callId, turn.entry, turn.args, turn.options);
      turn.ended?.(value);
    } else if (this.#lanes.lane === "loop") {
      // Earned, but a turn is still in the pool. Were this one sent after it,
      // steady traffic would keep the function there for ever.
      this.#held.push(turn);
    } else void this.#runInPool(turn);
  }

  /**
   * Hot path. Only when `inLoopLane()`, and not within a turn. `second` is
   * entered when `entry` returned nothing: both count as one turn. Undefined
   * when it threw: the owner was told.
   */
  runOnLoop(callId: number, entry: Entry, args: unknown[], options: ivm.ReferenceApplyOptions, second: Entry | null = null): unknown {
    this.#observer.loopTurn(this.#limits.functionId);
    const startMs = performance.now();
    turnDepth++;
    this.#onLoop = callId;
    this.#watchdog.begin(this.#watchSlot);
    try {
      const value = entry.applySync(undefined, args, options);
      return value === undefined && second !== null ? second.applySync(undefined, NO_ARGS, options) : value;
    } catch (error) {
      if (this.#watchdog.endedLastTurn()) {
        this.#lanes.bar();
        this.#owner.overran(`A turn of ${this.#limits.functionId} held the event loop for more than ${LOOP_TURN_MAX_MS} ms`);
      } else this.#owner.threw(callId, error);
      return undefined;
    } finally {
      this.#watchdog.end();
      this.#onLoop = 0;
      turnDepth--;
      this.#lanes.loopTurn(performance.now() - startMs);
    }
  }

  close(): void {
    this.#closed = true;
    this.#held.length = 0;
    this.#disarmCpuLimit();
    if (this.#watchSlot !== 0) this.#watchdog.release(this.#watchSlot);
  }

  /** For the owner's deadline: is this call's own turn what keeps it? Then its CPU limit decides. */
  checkCpuLimit(): void {
    if (this.#isolate.isDisposed || this.#inPool.length === 0) return;
    this.#disarmCpuLimit();
    const { cpuTimeoutMs, functionId } = this.#limits;
    const leftMs = cpuTimeoutMs - Number(this.#isolate.cpuTime - this.#cpuAtTurnStartNs) / 1e6;
    // The limit is CPU time: a turn that was kept from its processor gets the rest.
    if (leftMs > 1) {
      this.#cpuTimer = setTimeout(() => this.checkCpuLimit(), leftMs);
      return;
    }
    this.#lanes.bar();
    this.#owner.overran(`A turn of ${functionId} used more than ${cpuTimeoutMs} ms of CPU time`);
  }

  async #runInPool({ callId, entry, args, options, ended }: Turn): Promise<void> {
    const slot = this.#observer.threadTurn(this.#limits.functionId);
    if (this.#inPool.push(callId) === 1) this.#armCpuLimit();
    const cpuBeforeNs = this.#isolate.cpuTime;
    let value: unknown;
    try {
      value = await entry.apply(undefined, args, options);
      if (callId !== 0) this.#lanes.threadTurn(Number(this.#isolate.cpuTime - cpuBeforeNs) / 1e6);
    } catch (error) {
      this.#owner.threw(callId, error);
    }
    this.#observer.threadTurnEnded(slot);
    this.#inPool.shift();
    this.#disarmCpuLimit();
    if (this.#inPool.length > 0) this.#armCpuLimit();
    ended?.(value);
    if (this.#inPool.length > 0) return;
    this.#owner.poolLeft();
    for (const turn of this.#held.splice(0)) this.run(turn);
  }

  /** Turns of one isolate run one after another, so one timer from the last turn's end is enough. */
  #armCpuLimit(): void {
    if (this.#isolate.isDisposed) return;
    this.#cpuAtTurnStartNs = this.#isolate.cpuTime;
    this.#cpuTimer = setTimeout(() => this.checkCpuLimit(), this.#limits.cpuTimeoutMs);
  }

  #disarmCpuLimit(): void {
    if (this.#cpuTimer !== null) clearTimeout(this.#cpuTimer);
    this.#cpuTimer = null;
  }
}
