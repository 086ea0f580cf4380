/**
 * ClosedDriver: users who wait for their answer, think, and send again. Each
 * has a connection of its own. Its latency is blind to what a server does to
 * requests that nobody sent meanwhile; open-driver.ts is not.
 */
import { nowMs } from "./clock.ts";
import type { Driver, LoadConnection } from "./connection.ts";
import { CLOSED } from "./connection.ts";

/** A user who was refused doesn't try again at once: 100,000 refusals a second measure nothing. */
export const RETRY_MS = 100;

export interface ClosedOptions {
  readonly thinkMs: number;
  /** Of the measured part; infinite for none. */
  readonly requestMaxCount: number;
  readonly startMs: number;
  readonly endMs: number;
  onDone(): void;
}

export class ClosedDriver implements Driver {
  readonly #connections: readonly LoadConnection[];
  readonly #options: ClosedOptions;
  readonly #retired = new Set<LoadConnection>();
  #assignedCount = 0;

  constructor(connections: readonly LoadConnection[], options: ClosedOptions) {
    this.#connections = connections;
    this.#options = options;
  }

  start(atMs: number): void {
    for (const connection of this.#connections) this.#refill(connection, atMs);
  }

  onRoom(connection: LoadConnection, count: number, atMs: number): void {
    if (count === 0) return;
    const { thinkMs } = this.#options;
    const pauseMs = connection.state === CLOSED && connection.openFault !== null ? Math.max(thinkMs, RETRY_MS) : thinkMs;
    if (pauseMs === 0) this.#refill(connection, atMs);
    else if (atMs + pauseMs >= this.#options.endMs) this.#retire(connection);
    // The answers of one read are thought about together.
    else setTimeout(this.#wake, pauseMs, connection);
  }

  /** Deadlines of connections are kept by the thread's sweep; nothing else waits here. */
  sweep(): void {}

  /** Nobody waits for a connection here. */
  giveUpWaiting(): void {}

  /** Due from now on: how late our timer is says nothing of the server. */
  readonly #wake = (connection: LoadConnection): void => {
    if (!this.#retired.has(connection)) this.#refill(connection, nowMs());
  };

  #refill(connection: LoadConnection, atMs: number): void {
    const { startMs, endMs, requestMaxCount } = this.#options;
    while (connection.hasRoom && atMs < endMs && this.#assignedCount < requestMaxCount) {
      if (atMs >= startMs) this.#assignedCount++;
      connection.assign(atMs);
    }
    if (connection.count > 0) connection.flush();
    else this.#retire(connection);
  }

  #retire(connection: LoadConnection): void {
    if (connection.count > 0) return;
    this.#retired.add(connection);
    if (this.#retired.size === this.#connections.length) this.#options.onDone();
  }
}
