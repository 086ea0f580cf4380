/**
 * Instance state: the four states of an instance and the steps between them, as
 * the Aetherless reference has them. Pure: who changes a state says what time it
 * is. What the names mean for us:
 *
 *   Uninitialized  there is no process, or it was started plainly and has not said READY yet; also how it ends
 *   WarmSnapshot   made from what was prepared (forked, restored, deserialized), and has not said READY yet
 *   Running        READY: idle, or busy with calls
 *   Suspended      takes no more calls: draining those it has, then stopping
 *
 * A plain start goes Uninitialized, Running, Suspended, Uninitialized; a death is
 * the same with no time in Suspended. Running to WarmSnapshot (an image is taken
 * of it) and back out of Suspended are legal and nobody's yet.
 */
import { type InstanceState, perState } from "../../../telemetry/process-metrics.ts";

const NEXT: Readonly<Record<InstanceState, readonly InstanceState[]>> = {
  Uninitialized: ["WarmSnapshot", "Running"],
  WarmSnapshot: ["Running", "Uninitialized"],
  Running: ["Suspended", "WarmSnapshot"],
  Suspended: ["Running", "WarmSnapshot", "Uninitialized"],
};

export class IllegalTransition extends Error {
  override readonly name = "IllegalTransition";
  readonly from: InstanceState;
  readonly to: InstanceState;

  constructor(from: InstanceState, to: InstanceState) {
    super(`An instance can't go from ${from} to ${to}, only to ${NEXT[from].join(" or ")}`);
    this.from = from;
    this.to = to;
  }
}

export function isLegal(from: InstanceState, to: InstanceState): boolean {
  return NEXT[from].includes(to);
}

/** The states that one instance has been through, and how long it was in each. */
export class StateRecord {
  #state: InstanceState = "Uninitialized";
  #sinceMs: number;
  readonly #leftMs = perState(() => 0);
  transitionCount = 0;

  constructor(nowMs: number) {
    this.#sinceMs = nowMs;
  }

  get state(): InstanceState {
    return this.#state;
  }

  /** Throws IllegalTransition: that is a fault of ours, never of the process. */
  enter(to: InstanceState, nowMs: number): void {
    if (!isLegal(this.#state, to)) throw new IllegalTransition(this.#state, to);
    this.#leftMs[this.#state] += nowMs - this.#sinceMs;
    this.#state = to;
    this.#sinceMs = nowMs;
    this.transitionCount++;
  }

  /** By the shortest legal way, from wherever it is; nothing where it is gone already. */
  end(nowMs: number): void {
    if (this.#state === "Running") this.enter("Suspended", nowMs);
    if (this.#state !== "Uninitialized") this.enter("Uninitialized", nowMs);
  }

  timeInMs(state: InstanceState, nowMs: number): number {
    return this.#leftMs[state] + (state === this.#state ? nowMs - this.#sinceMs : 0);
  }
}
