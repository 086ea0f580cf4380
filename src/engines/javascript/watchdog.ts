/**
 * Watchdog: ends a turn in the loop lane that has run too long, at no cost to
 * the others. It is an isolate of its own, on its own thread, that polls one
 * word of shared memory: odd while a turn runs, with the turn's number in it.
 * isolated-vm's `timeout` option would do the same for 15 us a call.
 *
 * Isolates are added and removed while its loop is parked (45 us): that
 * happens at promotion, never per call.
 */
import ivm from "isolated-vm";

/** How often it looks; a turn ends at most this much later than it should. */
const POLL_INTERVAL_MS = 20;
const MEMORY_MAX_MIB = 16;

/** Int32 words of the shared block. */
const TURN = 0;
const PARKED = 1;
const SLOT = 2;
const ENDED_TURN = 3;
const WORD_COUNT = 16;

/** Counts polls, not time: a stepped clock must not end an innocent turn. */
const LOOP_SOURCE = `
const words = new Int32Array(shared);
const isolates = new Map();
globalThis.add = (slot, isolate) => { isolates.set(slot, isolate); };
globalThis.remove = (slot) => { isolates.delete(slot); };
globalThis.run = (pollMs, pollsMax) => {
  let seen = 0, polls = 0;
  while (Atomics.load(words, ${PARKED}) === 0) {
    Atomics.wait(words, ${PARKED}, 0, pollMs);
    const turn = Atomics.load(words, ${TURN});
    if ((turn & 1) === 0 || turn !== seen) { seen = turn; polls = 0; continue; }
    if (++polls < pollsMax) continue;
    Atomics.store(words, ${ENDED_TURN}, turn);
    const isolate = isolates.get(Atomics.load(words, ${SLOT}));
    if (isolate !== undefined) isolate.dispose();
    seen = 0;
  }
};`;

export class Watchdog {
  readonly #words = new Int32Array(new SharedArrayBuffer(WORD_COUNT * Int32Array.BYTES_PER_ELEMENT));
  readonly #pollsMax: number;
  /** Made at the first promotion: a worker's start need not wait for it. */
  #loop: WatchLoop | null = null;
  #turn = 0;
  #slotCount = 0;
  #guarded = 0;

  constructor(turnMaxMs: number) {
    this.#pollsMax = Math.max(1, Math.round(turnMaxMs / POLL_INTERVAL_MS));
  }

  /** Guards an isolate; the slot names it in `begin`. */
  guard(isolate: ivm.Isolate): number {
    const slot = ++this.#slotCount;
    this.#loop ??= makeLoop(this.#words);
    this.#park();
    this.#loop.add.applySync(undefined, [slot, isolate]);
    this.#guarded++;
    this.#resume();
    return slot;
  }

  release(slot: number): void {
    this.#park();
    this.#loop?.remove.applySync(undefined, [slot]);
    this.#guarded--;
    this.#resume();
  }

  /** Hot path: two stores before a turn, one after. Turns don't nest. */
  begin(slot: number): void {
    this.#turn = (this.#turn + 2) & 0x7fff_fffe;
    this.#words[SLOT] = slot;
    Atomics.store(this.#words, TURN, this.#turn | 1);
  }

  end(): void {
    Atomics.store(this.#words, TURN, this.#turn);
  }

  /** Whether the turn that just returned was ended by the watchdog. */
  endedLastTurn(): boolean {
    return Atomics.load(this.#words, ENDED_TURN) === (this.#turn | 1);
  }

  close(): void {
    this.#park();
    this.#loop?.isolate.dispose();
    this.#loop = null;
  }

  #park(): void {
    Atomics.store(this.#words, PARKED, 1);
    Atomics.notify(this.#words, PARKED);
  }

  /** With nothing to guard its thread is given back to the pool. */
  #resume(): void {
    if (this.#guarded === 0) return;
    Atomics.store(this.#words, PARKED, 0);
    this.#loop?.run.applyIgnored(undefined, [POLL_INTERVAL_MS, this.#pollsMax]);
  }
}

interface WatchLoop {
  readonly isolate: ivm.Isolate;
  readonly add: ivm.Reference<(slot: number, isolate: ivm.Isolate) => void>;
  readonly remove: ivm.Reference<(slot: number) => void>;
  readonly run: ivm.Reference<(pollMs: number, pollsMax: number) => void>;
}

function makeLoop(words: Int32Array<SharedArrayBuffer>): WatchLoop {
  const isolate = new ivm.Isolate({ memoryLimit: MEMORY_MAX_MIB });
  const context = isolate.createContextSync();
  context.global.setSync("shared", new ivm.ExternalCopy(words.buffer).copyInto());
  context.evalSync(LOOP_SOURCE);
  return {
    isolate,
    add: context.global.getSync("add", { reference: true }),
    remove: context.global.getSync("remove", { reference: true }),
    run: context.global.getSync("run", { reference: true }),
  };
}
