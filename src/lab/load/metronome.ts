/**
 * Metronome: wakes a load thread to within a tenth of a millisecond. Event-loop
 * timers keep whole milliseconds only, which would add half of one to every
 * latency of an open loop; spinning would take the processor from the server
 * under test. So a thread of its own sleeps on a futex and taps on shoulders a
 * little early; the last moment the load thread spins, still reading answers.
 * This file is both ends: MetronomeSleeper in a load thread, and the loop.
 */
import { nowMs } from "./clock.ts";

/** The futex's own slack is 50 us, the way back to the event loop about as much. */
const LEAD_MS = 0.1;
/** Nearer than this, asking costs more than waiting. */
const SPIN_MS = 0.15;
const EMPTY_TURN_MS = 0.01;

const CONTROL = 0;
const BYTES_PER_WAKE = 8;
const BYTES_PER_WORD = 4;

/** Words: control, then one for each thread; then the time at which each wants to be woken (0: never). */
interface Shared {
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly wakeMs: Float64Array<SharedArrayBuffer>;
}

function wordCount(threadCount: number): number {
  // Even, so that the times behind them are aligned.
  return Math.ceil((threadCount + 1) / 2) * 2;
}

export function createMetronomeMemory(threadCount: number): SharedArrayBuffer {
  return new SharedArrayBuffer(wordCount(threadCount) * BYTES_PER_WORD + threadCount * BYTES_PER_WAKE);
}

function share(memory: SharedArrayBuffer, threadCount: number): Shared {
  const words = wordCount(threadCount);
  return { words: new Int32Array(memory, 0, words), wakeMs: new Float64Array(memory, words * BYTES_PER_WORD, threadCount) };
}

/** Ends the loop of runMetronome. */
const STOP = -1;

export function stopMetronome(memory: SharedArrayBuffer): void {
  const words = new Int32Array(memory, 0, 1);
  Atomics.store(words, CONTROL, STOP);
  Atomics.notify(words, CONTROL);
}

/** The metronome's thread: never returns to its event loop until it is stopped. */
export function runMetronome(memory: SharedArrayBuffer, threadCount: number): void {
  const { words, wakeMs } = share(memory, threadCount);
  for (;;) {
    const seen = Atomics.load(words, CONTROL);
    if (seen === STOP) return;
    const atMs = nowMs();
    let nextMs = Number.POSITIVE_INFINITY;
    for (let thread = 0; thread < threadCount; thread++) {
      const due = wakeMs[thread]!;
      if (due === 0) continue;
      if (due > atMs) nextMs = Math.min(nextMs, due);
      else {
        wakeMs[thread] = 0;
        Atomics.add(words, thread + 1, 1);
        Atomics.notify(words, thread + 1);
      }
    }
    // Whoever sets a time changes the control word, so a time set meanwhile ends the wait at once.
    Atomics.wait(words, CONTROL, seen, nextMs - atMs);
  }
}

export class MetronomeSleeper {
  readonly #shared: Shared;
  readonly #threadIndex: number;
  readonly #onDue: () => void;
  #dueMs = Number.POSITIVE_INFINITY;
  #isArmed = false;
  #lastSpinMs = Number.NEGATIVE_INFINITY;
  /** Time spent on the last moments: busy, but not with requests. */
  spunMs = 0;

  constructor(memory: SharedArrayBuffer, threadCount: number, threadIndex: number, onDue: () => void) {
    this.#shared = share(memory, threadCount);
    this.#threadIndex = threadIndex;
    this.#onDue = onDue;
  }

  /** Calls onDue at `dueMs`, from the event loop. One time only; a later call with another time replaces it. */
  wakeAt(dueMs: number): void {
    this.#dueMs = dueMs;
    if (!this.#isArmed) this.#arm();
  }

  #arm(): void {
    const leftMs = this.#dueMs - nowMs();
    if (leftMs === Number.POSITIVE_INFINITY) return;
    this.#isArmed = true;
    if (leftMs < SPIN_MS) {
      setImmediate(this.#spin);
      return;
    }
    const { words, wakeMs } = this.#shared;
    const word = this.#threadIndex + 1;
    const tapped = Atomics.waitAsync(words, word, Atomics.load(words, word));
    wakeMs[this.#threadIndex] = this.#dueMs - LEAD_MS;
    const control = Atomics.load(words, CONTROL);
    if (control === STOP) return;
    Atomics.compareExchange(words, CONTROL, control, (control + 1) & 0x3fffffff);
    Atomics.notify(words, CONTROL);
    if (tapped.async) void tapped.value.then(this.#spin);
    else setImmediate(this.#spin);
  }

  readonly #spin = (): void => {
    this.#isArmed = false;
    const atMs = nowMs();
    // A turn of the loop as short as this has done nothing else.
    if (atMs - this.#lastSpinMs < EMPTY_TURN_MS) this.spunMs += atMs - this.#lastSpinMs;
    this.#lastSpinMs = atMs;
    if (atMs >= this.#dueMs) {
      this.#dueMs = Number.POSITIVE_INFINITY;
      this.#onDue();
    } else if (this.#dueMs - atMs < SPIN_MS) {
      this.#isArmed = true;
      setImmediate(this.#spin);
    } else this.#arm();
  };
}
