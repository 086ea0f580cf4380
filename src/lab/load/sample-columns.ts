/**
 * SampleColumns: each request's own line, in columns that grow by doubling: no
 * object per request. Holds the first so many that ended and no more: what
 * grows with the run would end it.
 */
import type { RequestSamples } from "./result.ts";

/** Of a whole run: 90 MB of columns, and as much again while threads' are put in order. */
export const SAMPLES_MAX_COUNT = 5_000_000;

const FIRST_CAPACITY = 16_384;

export class SampleColumns {
  readonly #maxCount: number;
  #count = 0;
  #startUs = new Float64Array(FIRST_CAPACITY);
  #latencyUs = new Float64Array(FIRST_CAPACITY);
  #status = new Uint16Array(FIRST_CAPACITY);

  constructor(maxCount: number) {
    this.#maxCount = maxCount;
  }

  add(startUs: number, latencyUs: number, status: number): void {
    const at = this.#count;
    if (at >= this.#maxCount) return;
    if (at === this.#startUs.length) this.#resize(Math.min(at * 2, this.#maxCount));
    this.#startUs[at] = startUs;
    this.#latencyUs[at] = latencyUs;
    this.#status[at] = status;
    this.#count = at + 1;
  }

  /** The columns themselves, for whoever takes them over: nothing may be added after. */
  take(): RequestSamples {
    this.#resize(this.#count);
    return { startUs: this.#startUs, latencyUs: this.#latencyUs, status: this.#status };
  }

  /** By moving the buffers: while they grow there are not two of each. */
  #resize(capacity: number): void {
    const { BYTES_PER_ELEMENT: doubleBytes } = Float64Array;
    this.#startUs = new Float64Array(this.#startUs.buffer.transfer(capacity * doubleBytes));
    this.#latencyUs = new Float64Array(this.#latencyUs.buffer.transfer(capacity * doubleBytes));
    this.#status = new Uint16Array(this.#status.buffer.transfer(capacity * Uint16Array.BYTES_PER_ELEMENT));
  }
}
