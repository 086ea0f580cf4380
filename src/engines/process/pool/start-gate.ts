/**
 * Start gate: whether another instance may be started now. A program that ends
 * before it has answered anything is started again after a wait that doubles
 * (base/backoff.ts), not a thousand times a second; the first answer forgets
 * that. Starts that were under way together and failed together are one failure.
 */
import { type Backoff, createBackoff } from "../../../base/backoff.ts";

const PATIENCE_MS = 1_000;

export class StartGate {
  #backoff: Backoff = createBackoff();
  #closedAtMs = Number.NEGATIVE_INFINITY;
  #opensAtMs = Number.NEGATIVE_INFINITY;
  #why = "";
  #cameToReady = false;

  /** `startedMs`: when the start that failed began. `cameToReady`: it ended after READY, before it had answered anything. */
  failed(why: string, startedMs: number, nowMs: number, cameToReady = false): void {
    this.#why = why;
    this.#cameToReady = cameToReady;
    if (startedMs < this.#closedAtMs) return;
    this.#closedAtMs = nowMs;
    this.#opensAtMs = nowMs + this.#backoff.died(nowMs - startedMs);
  }

  answered(): void {
    this.#backoff = createBackoff();
    this.#closedAtMs = Number.NEGATIVE_INFINITY;
    this.#opensAtMs = Number.NEGATIVE_INFINITY;
  }

  /** 0 when it is open. */
  opensInMs(nowMs: number): number {
    return Math.max(0, this.#opensAtMs - nowMs);
  }

  /** The last start failed, and nothing was answered since: one at a time is tried. */
  get isOnTrial(): boolean {
    return this.#closedAtMs > Number.NEGATIVE_INFINITY;
  }

  /** Whether calls may wait for it to open: it opens soon, and the program can start. Otherwise they are told at once. */
  isWorthWaitingFor(nowMs: number): boolean {
    return this.#cameToReady && this.opensInMs(nowMs) <= PATIENCE_MS;
  }

  /** Why it is closed, and for how long. */
  told(nowMs: number): string {
    return `${this.#why} (the next start is tried in ${Math.ceil(this.opensInMs(nowMs))} ms)`;
  }
}
