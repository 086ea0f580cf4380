/**
 * Host requests: what a guest waits for (a key, a row, another server, time).
 * The shim asks by name, the host answers in a later entry; between the two the
 * guest is suspended (JavaScript promise integration) and others run.
 */

/** What the host answers: a WASI error code, and what was asked for. */
export interface HostAnswer {
  readonly code: number;
  readonly bytes: Uint8Array | null;
  readonly number: number;
}

/** Values that cross; bytes are copied on the way. */
export type Argument = string | number | null | Uint8Array;

export type AskHost = (ticket: number, runId: number, operation: string, ...args: Argument[]) => void;

/** Ends a run that would wait, where those that do hold too much memory already. */
export class HeldTooMuch extends Error {}

export class HostRequests {
  readonly #ask: AskHost;
  readonly #waiting = new Map<number, { readonly runId: number; readonly answered: (answer: HostAnswer) => void }>();
  #ticketCount = 0;

  constructor(ask: AskHost) {
    this.#ask = ask;
  }

  ask(runId: number, operation: string, args: readonly Argument[]): Promise<HostAnswer> {
    const ticket = ++this.#ticketCount;
    const { promise, resolve } = Promise.withResolvers<HostAnswer>();
    this.#waiting.set(ticket, { runId, answered: resolve });
    this.#ask(ticket, runId, operation, ...args);
    return promise;
  }

  /** Entered by the host. */
  settle(ticket: number, code: number, bytes: Uint8Array | null, number: number): void {
    const waiting = this.#waiting.get(ticket);
    if (waiting === undefined) return;
    this.#waiting.delete(ticket);
    waiting.answered({ code, bytes, number });
  }

  /** The run was given up: nobody waits for its answers any more. */
  forget(runId: number): void {
    for (const [ticket, waiting] of this.#waiting) if (waiting.runId === runId) this.#waiting.delete(ticket);
  }
}
