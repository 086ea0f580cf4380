/**
 * Suspendable runs: the requests of one sandbox that may wait, from when they
 * are begun until they are over or nobody wants their answer. Each holds an
 * instance with its memory in the isolate (guest/wasi/runs.ts) and, on this
 * side, what it waits for. Does not know of calls or of what an end means.
 */
import { ERRNO } from "../../../guest/wasi/abi.ts";
import { describeThrown } from "../isolate/thrown.ts";
import type { TurnRunner } from "../isolate/turn-runner.ts";
import type { GuestAnswer, RunRequests } from "./run-requests.ts";
import type { RealmInput, WasmRealm } from "./wasm-realm.ts";

const RUNS_MAX = 64;
const COPY = { arguments: { copy: true } } as const;
const NO_OPTIONS = {};

export interface SuspendableRunsHost {
  readonly memoryMaxBytes: number;
  readonly turns: TurnRunner;
  /** Once there is one: nothing begins before. */
  realm(): WasmRealm;
  requestsOf(runId: number): RunRequests;
  /** What was answered, before the guest is told. */
  onAnswered(runId: number, answer: GuestAnswer): void;
  onInternalError(message: string): void;
}

export class SuspendableRuns {
  readonly #host: SuspendableRunsHost;
  readonly #open = new Map<number, RunRequests>();

  constructor(host: SuspendableRunsHost) {
    this.#host = host;
  }

  /** For one more: together they hold no more than the function's limit, if the next is like them. One alone always may. */
  get hasRoom(): boolean {
    const { size } = this.#open;
    if (size === 0) return true;
    const { heldBytes } = this.#host.realm();
    return size < RUNS_MAX && heldBytes + heldBytes / size <= this.#host.memoryMaxBytes;
  }

  has(runId: number): boolean {
    return this.#open.has(runId);
  }

  /** Its first turn is over when it waits, or with it; the realm's `ended` says when it is over itself. */
  begin(runId: number, input: RealmInput, turnEnded: () => void): void {
    const { turns } = this.#host;
    this.#open.set(runId, this.#host.requestsOf(runId));
    turns.run({ callId: runId, entry: this.#host.realm().start, args: [runId, ...input], options: NO_OPTIONS, ended: turnEnded });
  }

  async serve(ticket: number, runId: number, operation: string, args: readonly unknown[]): Promise<void> {
    const requests = this.#open.get(runId);
    if (requests === undefined) return;
    let answer: GuestAnswer;
    try {
      answer = await requests.answer(operation, args);
    } catch (error) {
      this.#host.onInternalError(`internal error in ${operation}: ${describeThrown(error).stack}`);
      answer = { code: ERRNO.io, bytes: null, number: 0 };
    }
    if (!this.#open.has(runId)) return;
    this.#host.onAnswered(runId, answer);
    const settled = [ticket, answer.code, answer.bytes, answer.number];
    this.#host.turns.run({ callId: runId, entry: this.#host.realm().settle, args: settled, options: COPY, ended: null });
  }

  /** It came to its end; from here on it holds nothing. */
  ended(runId: number): void {
    this.#open.get(runId)?.close();
    this.#open.delete(runId);
  }

  /**
   * Nobody wants its answer. Its instance is let go in a turn of its own, behind
   * the one that may be running it now: that one ends by itself or at its CPU limit.
   */
  abandon(runId: number, abandoned: () => void): void {
    this.ended(runId);
    this.#host.turns.run({ callId: runId, entry: this.#host.realm().abandon, args: [runId], options: NO_OPTIONS, ended: abandoned });
  }

  /** The isolate is gone. */
  close(): void {
    for (const requests of this.#open.values()) requests.close();
    this.#open.clear();
  }
}
