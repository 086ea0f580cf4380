/**
 * Call deadlines: wall-time limits of the calls of one sandbox. All have the
 * same limit and arrive in order, so one timer for the oldest is enough, and a
 * call that ends in time costs nothing but its entry.
 */
export class CallDeadlines<Owner> {
  readonly #timeoutMs: number;
  /** The call was answered: its entry may be dropped. */
  readonly #isOver: (callId: number, owner: Owner) => boolean;
  readonly #expired: (callId: number, owner: Owner) => void;
  readonly #open = new Map<number, { owner: Owner; readonly startMs: number }>();
  #timer: NodeJS.Timeout | null = null;

  constructor(timeoutMs: number, isOver: (callId: number, owner: Owner) => boolean, expired: (callId: number, owner: Owner) => void) {
    this.#timeoutMs = timeoutMs;
    this.#isOver = isOver;
    this.#expired = expired;
  }

  add(callId: number, owner: Owner): void {
    this.#open.set(callId, { owner, startMs: performance.now() });
    if (this.#timer === null) this.#arm();
  }

  /** Gives the call to `owner` from now on, its time running as before. False when it is the owner already. */
  own(callId: number, owner: Owner): boolean {
    const known = this.#open.get(callId);
    if (known?.owner === owner) return false;
    if (known === undefined) this.add(callId, owner);
    else known.owner = owner;
    return true;
  }

  delete(callId: number): void {
    this.#open.delete(callId);
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#open.clear();
  }

  #arm(): void {
    for (const [callId, { owner, startMs }] of this.#open) {
      if (this.#isOver(callId, owner)) {
        this.#open.delete(callId);
        continue;
      }
      const leftMs = startMs + this.#timeoutMs - performance.now();
      this.#timer = setTimeout(() => this.#ring(), Math.max(1, leftMs));
      return;
    }
  }

  #ring(): void {
    this.#timer = null;
    const nowMs = performance.now();
    for (const [callId, { owner, startMs }] of this.#open) {
      if (!this.#isOver(callId, owner)) {
        // A timer may ring a millisecond early.
        if (nowMs - startMs < this.#timeoutMs - 1) break;
        this.#expired(callId, owner);
      }
      this.#open.delete(callId);
    }
    this.#arm();
  }
}
