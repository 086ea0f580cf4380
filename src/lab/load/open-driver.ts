/**
 * OpenDriver: requests fall due by the schedule, whether or not the last was
 * answered. One that finds no free connection waits, and its wait is part of
 * its latency: that is what a closed loop hides (coordinated omission). The
 * queue is the schedule itself: whatever is due and not yet sent, in order.
 */
import { nowMs } from "./clock.ts";
import { RETRY_MS } from "./closed-driver.ts";
import { CLOSED, type Driver, type LoadConnection, OPENING } from "./connection.ts";
import type { Recorder } from "./recorder.ts";
import type { ConnectFault } from "./thread-messages.ts";

export interface OpenOptions {
  /** Due times on the threads' clock, ascending. */
  readonly dueTimes: Iterator<number, void>;
  /** Of the measured part; infinite for none. */
  readonly requestMaxCount: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly timeoutMs: number;
  readonly recorder: Recorder;
  /** Calls `tick` at that time. */
  wakeAt(dueMs: number): void;
  onDone(): void;
}

/** What is still unsent so long after the end is dropped, and counted as that. */
const UNSENT_LINGER_MS = 2_000;

export class OpenDriver implements Driver {
  readonly #connections: readonly LoadConnection[];
  readonly #options: OpenOptions;
  /** Connections with room, the longest unused first: all of them are used, as by many clients. */
  readonly #free: LoadConnection[];
  #freeFrom = 0;
  #freeCount = 0;
  /** The next request's; NaN before the start, infinite after the last. */
  #dueMs = Number.NaN;
  #takenCount = 0;
  #isDone = false;

  constructor(connections: readonly LoadConnection[], options: OpenOptions) {
    this.#connections = connections;
    this.#options = options;
    this.#free = connections.slice();
  }

  start(atMs: number): void {
    for (const connection of this.#connections) this.#list(connection, Number.NEGATIVE_INFINITY);
    this.#advance();
    this.tick(atMs);
  }

  onRoom(connection: LoadConnection, count: number, atMs: number): void {
    if (connection.state === CLOSED && connection.openFault !== null) {
      if (count > 0) setTimeout(this.#retry, RETRY_MS, connection);
    } else if (count > 0) this.#list(connection, atMs);
    this.tick(atMs);
  }

  sweep(atMs: number): void {
    if (atMs >= this.#options.endMs + UNSENT_LINGER_MS) this.#dropRest(atMs);
    this.tick(atMs);
  }

  /** Sends what is due, as far as there are connections. */
  tick(atMs: number): void {
    if (Number.isNaN(this.#dueMs)) return;
    const { timeoutMs, recorder } = this.#options;
    while (this.#dueMs <= atMs) {
      const dueMs = this.#dueMs;
      if (atMs - dueMs >= timeoutMs) {
        this.#giveUp("timeout", `no connection was free within ${timeoutMs} ms`, atMs);
        continue;
      }
      const connection = this.#takeFree();
      if (connection === null) {
        const fault = this.#commonFault();
        if (fault === null) return;
        this.#giveUp(fault.kind, fault.message, atMs);
        continue;
      }
      if (connection.freeSinceMs <= dueMs) recorder.lateBy(dueMs, atMs - dueMs);
      connection.assign(dueMs);
      this.#advance();
      connection.flush();
      if (connection.hasRoom && connection.count > 0) this.#list(connection, connection.freeSinceMs);
    }
    if (this.#dueMs < Number.POSITIVE_INFINITY) this.#options.wakeAt(this.#dueMs);
    else this.#endWhenIdle();
  }

  /** The run is cut short: what was due and had found no connection. */
  giveUpWaiting(atMs: number): void {
    for (; this.#dueMs <= atMs; this.#advance()) this.#options.recorder.leaveUnfinished(this.#dueMs, Number.NaN, atMs);
  }

  #list(connection: LoadConnection, freeSinceMs: number): void {
    if (connection.isListed) return;
    connection.isListed = true;
    connection.freeSinceMs = freeSinceMs;
    this.#free[(this.#freeFrom + this.#freeCount) % this.#free.length] = connection;
    this.#freeCount++;
  }

  #takeFree(): LoadConnection | null {
    if (this.#freeCount === 0) return null;
    const connection = this.#free[this.#freeFrom]!;
    this.#freeFrom = (this.#freeFrom + 1) % this.#free.length;
    this.#freeCount--;
    connection.isListed = false;
    return connection;
  }

  readonly #retry = (connection: LoadConnection): void => {
    if (this.#isDone) return;
    connection.openFault = null;
    // Only now it may be tried again: what waited for it waited for the server.
    this.#list(connection, Number.POSITIVE_INFINITY);
    this.tick(nowMs());
  };

  /** Why no connection can be had at all; null while one is open or on its way. */
  #commonFault(): ConnectFault | null {
    let fault: ConnectFault | null = null;
    for (const connection of this.#connections) {
      if (connection.count > 0 || connection.state === OPENING || connection.openFault === null) return null;
      fault = connection.openFault;
    }
    return fault;
  }

  #advance(): void {
    const { dueTimes, startMs, requestMaxCount, recorder } = this.#options;
    recorder.fallDue(this.#dueMs);
    const next = this.#takenCount >= requestMaxCount ? null : dueTimes.next();
    this.#dueMs = next === null || next.done === true ? Number.POSITIVE_INFINITY : next.value;
    if (this.#dueMs >= startMs) this.#takenCount++;
  }

  #giveUp(kind: ConnectFault["kind"], message: string, atMs: number): void {
    this.#options.recorder.fail(kind, message, this.#dueMs, Number.NaN, 0, atMs);
    this.#advance();
  }

  #dropRest(atMs: number): void {
    for (; this.#dueMs < Number.POSITIVE_INFINITY; this.#advance()) this.#options.recorder.drop(this.#dueMs, atMs);
  }

  #endWhenIdle(): void {
    if (this.#isDone || this.#connections.some((connection) => connection.count > 0)) return;
    this.#isDone = true;
    this.#options.onDone();
  }
}
