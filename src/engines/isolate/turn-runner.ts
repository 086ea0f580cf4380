/**
 * Turn runner: the moments in which guest code runs, in one of two lanes. The
 * loop lane is this thread (`applySync`, under the watchdog), the thread lane
 * isolated-vm's pool (`apply`, under a timer here). An isolate may change lanes
 * only while none of its turns is in the pool: applySync would wait for the
 * isolate's lock, held by a pool thread that may itself be waiting for one of
 * our callbacks. Knows nothing of calls but their ids.
 */
import type ivm from "isolated-vm";
import type { TurnObserver } from "../engine.ts";
import { type LaneHistory, LOOP_TURN_MAX_MS } from "./lane.ts";
import type { Watchdog } from "./watchdog.ts";

/** Something of an isolate that can run in either lane. */
export interface Entry {
  applySync(receiver: undefined, args: unknown[], options: ivm.ReferenceApplyOptions): unknown;
  apply(receiver: undefined, args: unknown[], options: ivm.ReferenceApplyOptions): Promise<unknown>;
}

export interface Turn {
  /** The call it runs for; 0 when for nobody in particular; negative when a module loads. */
  readonly callId: number;
  readonly entry: Entry;
  readonly args: unknown[];
  readonly options: ivm.ReferenceApplyOptions;
  readonly ended: ((value: unknown) => void) | null;
}

export interface TurnOwner {
  /** The turn ended with an exception: a rejection that nobody handled, or the isolate is gone. */
  threw(callId: number, error: unknown): void;
  /** A CPU limit was passed: the sandbox must end. */
  overran(callId: number, message: string): void;
  /** isolated-vm has disposed the isolate; of itself it does so for one reason, the memory limit. 0: between two turns. */
  outgrew(callId: number): void;
  /** The isolate was disposed, yet its turn does not end: V8 checks for that in most loops, not in all. */
  ranAway(): void;
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

/** Turns of any sandbox that are in the pool. */
let pooledCount = 0;
export function isPoolIdle(): boolean {
  return pooledCount === 0;
}

const LOST: unknown[] = [true];
/** Guests may throw undefined. */
const NOTHING = Symbol("nothing was thrown");
/** How often a turn in the pool is looked at. */
const POOL_TICK_MS = 50;
/**
 * What a call to the host costs from the pool beside the operation: two threads wake each other. isolated-vm counts neither. Some
 * 20 us here; less is charged, for what is charged in excess would end an honest guest.
 */
const CROSSING_MS = 0.01;
/** A disposed isolate's turn normally ends within a millisecond. */
const RUNAWAY_AFTER_MS = 1_500;

export class TurnRunner {
  readonly #isolate: ivm.Isolate;
  readonly #lanes: LaneHistory;
  readonly #limits: TurnLimits;
  readonly #watchdog: Watchdog;
  readonly #observer: TurnObserver;
  readonly #owner: TurnOwner;
  /** A function's own CPU limit holds in the loop lane as well, where it is the lower one. */
  readonly #loopTurnMaxMs: number;
  /** Call ids of the turns in the pool, first the one that runs. */
  readonly #inPool: number[] = [];
  /** Turns that wait for the pool to be done with this isolate, so that it can move to the loop lane. */
  readonly #held: Turn[] = [];
  #onLoop = 0;
  #watchSlot = 0;
  #poolTimer: NodeJS.Timeout | null = null;
  #cpuAtTurnStartNs = 0n;
  #processCpuAtTurnStartMs = 0;
  /** Of the turn in the pool that runs: in calls to the host. */
  #hostMs = 0;
  #closed = false;

  constructor(isolate: ivm.Isolate, lanes: LaneHistory, limits: TurnLimits, watchdog: Watchdog, observer: TurnObserver, owner: TurnOwner) {
    this.#isolate = isolate;
    this.#lanes = lanes;
    this.#limits = limits;
    this.#watchdog = watchdog;
    this.#observer = observer;
    this.#owner = owner;
    this.#loopTurnMaxMs = Math.min(LOOP_TURN_MAX_MS, limits.cpuTimeoutMs);
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
    if (this.#watchSlot === 0) this.#watchSlot = this.#watchdog.guard(this.#isolate, this.#loopTurnMaxMs);
    return true;
  }

  /** The same operation, its time counted as the turn's that asks for it: without that a guest which calls in a loop would spend none. */
  charged<Args extends unknown[]>(operation: (...args: Args) => number): (...args: Args) => number {
    return (...args) => {
      if (this.#inPool.length === 0) return operation(...args);
      const startMs = performance.now();
      try {
        return operation(...args);
      } finally {
        this.#hostMs += performance.now() - startMs + CROSSING_MS;
      }
    };
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
   * Hot path. Only when `inLoopLane()`, and not within a turn. Where it throws
   * because a promise was rejected unheard, `lost` is asked for the value.
   */
  runOnLoop(callId: number, entry: Entry, args: unknown[], options: ivm.ReferenceApplyOptions, lost: Entry | null = null): unknown {
    this.#observer.loopTurn(this.#limits.functionId);
    const startMs = performance.now();
    turnDepth++;
    this.#onLoop = callId;
    this.#watchdog.begin(this.#watchSlot);
    let value: unknown;
    let thrown: unknown = NOTHING;
    try {
      value = entry.applySync(undefined, args, options);
    } catch (error) {
      thrown = error;
    }
    if (thrown !== NOTHING && lost !== null) value = this.#askFor(lost, options);
    const claimed = this.#watchdog.end();
    this.#onLoop = 0;
    turnDepth--;
    this.#lanes.loopTurn(performance.now() - startMs);
    if (claimed) {
      this.#lanes.bar();
      this.#owner.overran(callId, `A turn of ${this.#limits.functionId} held the event loop for more than ${this.#loopTurnMaxMs} ms`);
      return undefined;
    }
    if (thrown !== NOTHING) this.#owner.threw(callId, thrown);
    return value;
  }

  /** A rejection that nobody handled threw; the handler's answer may be there all the same. */
  #askFor(lost: Entry, options: ivm.ReferenceApplyOptions): unknown {
    try {
      return this.#isolate.isDisposed ? undefined : lost.applySync(undefined, LOST, options);
    } catch {
      return undefined;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#held.length = 0;
    this.#disarm();
    if (this.#watchSlot !== 0) this.#watchdog.release(this.#watchSlot);
    if (this.#inPool.length > 0) this.#poolTimer = setTimeout(() => this.#owner.ranAway(), RUNAWAY_AFTER_MS);
  }

  /** Ends the turn in the pool when it has had its CPU time; otherwise looks again. */
  checkPool(): void {
    this.#disarm();
    if (this.#closed || this.#inPool.length === 0) return;
    if (this.#isolate.isDisposed) {
      this.#owner.outgrew(this.runningCallId);
      return;
    }
    const { cpuTimeoutMs, functionId } = this.#limits;
    // CPU time, not wall time: a turn that was kept from its processor gets the rest. Of one that still runs isolated-vm
    // tells how long it has run, which it can't have used more of than its whole process.
    const ranMs = Number(this.#cpuTimeNs() - this.#cpuAtTurnStartNs) / 1e6 + this.#hostMs;
    const leftMs = cpuTimeoutMs - Math.min(ranMs, processCpuMs() - this.#processCpuAtTurnStartMs);
    if (leftMs > 1) {
      this.#poolTimer = setTimeout(() => this.checkPool(), Math.min(leftMs, POOL_TICK_MS));
      return;
    }
    this.#lanes.bar();
    this.#owner.overran(this.#inPool[0] ?? 0, `A turn of ${functionId} used more than ${cpuTimeoutMs} ms of CPU time`);
  }

  async #runInPool({ callId, entry, args, options, ended }: Turn): Promise<void> {
    if (this.#isolate.isDisposed) {
      this.#owner.outgrew(this.runningCallId);
      return;
    }
    const slot = this.#observer.threadTurn(this.#limits.functionId);
    if (this.#inPool.push(callId) === 1) this.#watchPool();
    const cpuBeforeNs = this.#cpuTimeNs();
    let value: unknown;
    pooledCount++;
    try {
      value = await entry.apply(undefined, args, options);
      if (callId > 0) this.#lanes.threadTurn(Number(this.#cpuTimeNs() - cpuBeforeNs) / 1e6);
    } catch (error) {
      this.#owner.threw(callId, error);
    }
    pooledCount--;
    this.#observer.threadTurnEnded(slot);
    this.#inPool.shift();
    this.#disarm();
    if (this.#inPool.length > 0 && !this.#closed) this.#watchPool();
    ended?.(value);
    if (this.#inPool.length > 0) return;
    this.#owner.poolLeft();
    for (const turn of this.#held.splice(0)) this.run(turn);
  }

  /** Turns of one isolate run one after another, so one timer from the last turn's end is enough. */
  #watchPool(): void {
    this.#cpuAtTurnStartNs = this.#cpuTimeNs();
    this.#hostMs = 0;
    this.#processCpuAtTurnStartMs = processCpuMs();
    this.#poolTimer = setTimeout(() => this.checkPool(), Math.min(this.#limits.cpuTimeoutMs, POOL_TICK_MS));
  }

  /** The isolate may be disposed between any two lines of ours. */
  #cpuTimeNs(): bigint {
    try {
      return this.#isolate.cpuTime;
    } catch {
      return 0n;
    }
  }

  #disarm(): void {
    if (this.#poolTimer !== null) clearTimeout(this.#poolTimer);
    this.#poolTimer = null;
  }
}

/** All threads together. */
function processCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
