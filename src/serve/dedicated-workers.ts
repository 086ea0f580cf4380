/**
 * DedicatedWorkers: the workers that serve one function alone (probation, or
 * isolation: process). Started when somebody asks for one and stopped after a
 * quiet time, so that thousands of such functions may be deployed; what asks
 * is a shared worker that found no one at the function's socket.
 */
import type { WorkerSlot } from "./worker-slot.ts";

const DEDICATED_MAX_COUNT = 64;
const IDLE_CHECK_MS = 60_000;
const IDLE_MAX_MS = 300_000;
/** Between telling the shared workers and closing: calls already on their way still arrive. */
export const FAREWELL_MS = 1_000;

export interface DedicatedHost {
  createSlot(functionId: string): WorkerSlot;
  /** Calls answered so far; null when the worker does not say. */
  callCount(slot: WorkerSlot): Promise<number | null>;
  drainGraceMs: number;
}

interface Entry {
  readonly slot: WorkerSlot;
  callCount: number;
  /** On this object's own clock, the sum of its ticks. */
  activeAtMs: number;
}

export class DedicatedWorkers {
  readonly #host: DedicatedHost;
  readonly #entries = new Map<string, Entry>();
  readonly #leaving = new Map<string, { readonly slot: WorkerSlot; isWanted: boolean }>();
  #isClosed = false;
  #nowMs = 0;
  #checkedAtMs = 0;

  constructor(host: DedicatedHost) {
    this.#host = host;
  }

  /** Every slot with a process, those that are leaving included. */
  get slots(): WorkerSlot[] {
    return [...this.#entries.values(), ...this.#leaving.values()].map(({ slot }) => slot);
  }

  /** Makes sure that the function's worker runs, or is about to. */
  wake(functionId: string): void {
    if (this.#isClosed) return;
    const known = this.#entries.get(functionId);
    if (known !== undefined) {
      known.activeAtMs = this.#nowMs;
      return;
    }
    const leaving = this.#leaving.get(functionId);
    if (leaving !== undefined) {
      // Two processes can't own one socket: closing, the old one would remove the new one's.
      leaving.isWanted = true;
      return;
    }
    if (this.#entries.size >= DEDICATED_MAX_COUNT) this.#stopQuietest();
    const slot = this.#host.createSlot(functionId);
    this.#entries.set(functionId, { slot, callCount: 0, activeAtMs: this.#nowMs });
    slot.start();
  }

  slotOf(functionId: string): WorkerSlot | null {
    return this.#entries.get(functionId)?.slot ?? null;
  }

  /** Stops the workers whose function is no longer placed in one. */
  keepOnly(isPlaced: (functionId: string) => boolean): void {
    for (const functionId of this.#entries.keys()) if (!isPlaced(functionId)) this.stop(functionId);
  }

  stop(functionId: string): void {
    const entry = this.#entries.get(functionId);
    if (entry === undefined) return;
    this.#entries.delete(functionId);
    const leaving = { slot: entry.slot, isWanted: false };
    this.#leaving.set(functionId, leaving);
    setTimeout(async () => {
      await entry.slot.drain(this.#host.drainGraceMs);
      this.#leaving.delete(functionId);
      if (leaving.isWanted && !this.#isClosed) this.wake(functionId);
    }, FAREWELL_MS).unref();
  }

  /** The server stops: nobody is woken any more. */
  close(): WorkerSlot[] {
    this.#isClosed = true;
    return this.slots;
  }

  tick(elapsedMs: number): void {
    this.#nowMs += elapsedMs;
    for (const slot of this.slots) slot.tick(elapsedMs);
    if (this.#nowMs - this.#checkedAtMs < IDLE_CHECK_MS) return;
    this.#checkedAtMs = this.#nowMs;
    for (const [functionId, entry] of this.#entries) void this.#stopIfIdle(functionId, entry);
  }

  async #stopIfIdle(functionId: string, entry: Entry): Promise<void> {
    const callCount = await this.#host.callCount(entry.slot);
    const isBusy = (entry.slot.worker?.inFlight.length ?? 0) > 0;
    if (isBusy || (callCount !== null && callCount !== entry.callCount)) entry.activeAtMs = this.#nowMs;
    entry.callCount = callCount ?? entry.callCount;
    if (this.#nowMs - entry.activeAtMs > IDLE_MAX_MS && this.#entries.get(functionId) === entry) this.stop(functionId);
  }

  #stopQuietest(): void {
    const idle = [...this.#entries].filter(([, { slot }]) => (slot.worker?.inFlight.length ?? 0) === 0);
    const [quietest] = (idle.length > 0 ? idle : [...this.#entries]).sort(([, left], [, right]) => left.activeAtMs - right.activeAtMs);
    if (quietest !== undefined) this.stop(quietest[0]);
  }
}
