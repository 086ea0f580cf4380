/** SampleColumns: each request's own line, in columns that grow by doubling: no object per request. */
import type { ThreadSamples } from "./thread-messages.ts";

const FIRST_CAPACITY = 16_384;

export class SampleColumns {
  #count = 0;
  #startUs = new Float64Array(FIRST_CAPACITY);
  #latencyUs = new Float64Array(FIRST_CAPACITY);
  #uncorrectedUs = new Float64Array(FIRST_CAPACITY);
  #status = new Uint16Array(FIRST_CAPACITY);
  #failed = new Uint8Array(FIRST_CAPACITY);

  add(startUs: number, latencyUs: number, uncorrectedUs: number, status: number, hasFailed: boolean): void {
    const at = this.#count;
    if (at === this.#startUs.length) this.#grow();
    this.#startUs[at] = startUs;
    this.#latencyUs[at] = latencyUs;
    this.#uncorrectedUs[at] = uncorrectedUs;
    this.#status[at] = status;
    this.#failed[at] = hasFailed ? 1 : 0;
    this.#count = at + 1;
  }

  toColumns(): ThreadSamples {
    return {
      startUs: this.#startUs.slice(0, this.#count),
      latencyUs: this.#latencyUs.slice(0, this.#count),
      uncorrectedUs: this.#uncorrectedUs.slice(0, this.#count),
      status: this.#status.slice(0, this.#count),
      failed: this.#failed.slice(0, this.#count),
    };
  }

  #grow(): void {
    const capacity = this.#count * 2;
    const doubles = (old: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(capacity);
      grown.set(old);
      return grown;
    };
    this.#startUs = doubles(this.#startUs);
    this.#latencyUs = doubles(this.#latencyUs);
    this.#uncorrectedUs = doubles(this.#uncorrectedUs);
    const status = new Uint16Array(capacity);
    status.set(this.#status);
    this.#status = status;
    const failed = new Uint8Array(capacity);
    failed.set(this.#failed);
    this.#failed = failed;
  }
}
