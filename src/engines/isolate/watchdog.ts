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
const WORD_COUNT = 16;

/** Low bits of the turn word: a turn runs; the watchdog has claimed it. The rest is the turn's number. */
const RUNNING = 1;
const CLAIMED = 2;
const NEXT_TURN = 4;
const NUMBER_MASK = 0x7fff_fffc;

/**
 * Counts polls, not time: a stepped clock must not end an innocent turn. The
 * claim is a compare-and-exchange on the very turn that was counted, so a turn
 * that ends meanwhile, and the next one's isolate, are left alone.
 */
const LOOP_SOURCE = `
const words = new Int32Array(shared);
const guarded = new Map();
globalThis.add = (slot, isolate, pollsMax) => { guarded.set(slot, { isolate, pollsMax }); };
globalThis.remove = (slot) => { guarded.delete(slot); };
globalThis.run = (pollMs) => {
  let seen = 0, polls = 0;
  while (Atomics.load(words, ${PARKED}) === 0) {
    Atomics.wait(words, ${PARKED}, 0, pollMs);
    const turn = Atomics.load(words, ${TURN});
    if ((turn & ${RUNNING}) === 0 || (turn & ${CLAIMED}) !== 0 || turn !== seen) { seen = turn; polls = 0; continue; }
    const entry = guarded.get(Atomics.load(words, ${SLOT}));
    if (entry === undefined || ++polls < entry.pollsMax) continue;
    if (Atomics.compareExchange(words, ${TURN}, turn, turn | ${CLAIMED}) === turn) entry.isolate.dispose();
    seen = 0;
  }
};`;

export class Watchdog {
  readonly #words = new Int32Array(new SharedArrayBuffer(WORD_COUNT * Int32Array.BYTES_PER_ELEMENT));
  /** Made at the first promotion: a worker's start need not wait for it. */
  #loop: WatchLoop | null = null;
  #turn = 0;
  #slotCount = 0;
  #guarded = 0;

  /** Guards an isolate against turns of more than `turnMaxMs`; the slot names it in `begin`. */
  guard(isolate: ivm.Isolate, turnMaxMs: number): number {
    const slot = ++this.#slotCount;
    this.#loop ??= makeLoop(this.#words);
    this.#park();
    this.#loop.add.applySync(undefined, [slot, isolate, Math.max(1, Math.round(turnMaxMs / POLL_INTERVAL_MS))]);
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

  /** Hot path: two stores before a turn, one exchange after. Turns don't nest. */
  begin(slot: number): void {
    this.#turn = (this.#turn + NEXT_TURN) & NUMBER_MASK;
    this.#words[SLOT] = slot;
    Atomics.store(this.#words, TURN, this.#turn | RUNNING);
  }

  /** True when the watchdog claimed the turn: its isolate is gone, or going. */
  end(): boolean {
    return (Atomics.exchange(this.#words, TURN, this.#turn) & CLAIMED) !== 0;
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
    this.#loop?.run.applyIgnored(undefined, [POLL_INTERVAL_MS]);
  }
}

interface WatchLoop {
  readonly isolate: ivm.Isolate;
  readonly add: ivm.Reference<(slot: number, isolate: ivm.Isolate, pollsMax: number) => void>;
  readonly remove: ivm.Reference<(slot: number) => void>;
  readonly run: ivm.Reference<(pollMs: number) => void>;
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
