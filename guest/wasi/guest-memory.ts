/**
 * The guest's linear memory as the shim reads and writes it. A view is made
 * anew when the memory has grown (its buffer is then another one). Every range
 * comes from hostile code: `slice` refuses what does not lie inside, and a
 * plain DataView access outside throws a RangeError, which guarded.ts turns into
 * EFAULT.
 */
import type { Memory } from "./webassembly.ts";

export class GuestMemory {
  #memory: Memory | null = null;
  #bytes: Uint8Array = new Uint8Array(0);
  #view = new DataView(new ArrayBuffer(0));

  attach(memory: Memory): void {
    this.#memory = memory;
    this.#refresh();
  }

  /** Until another is attached, everything lies outside. */
  detach(): void {
    this.#memory = null;
    this.#bytes = new Uint8Array(0);
    this.#view = new DataView(new ArrayBuffer(0));
  }

  get bytes(): Uint8Array {
    // Growing detaches the views; asking the memory for its buffer every time would cost more than the access.
    if (this.#bytes.length === 0) this.#refresh();
    return this.#bytes;
  }

  get view(): DataView {
    if (this.#bytes.length === 0) this.#refresh();
    return this.#view;
  }

  /** A view of the range; throws a RangeError when it leaves the memory. Pointers arrive as signed numbers. */
  slice(pointer: number, length: number): Uint8Array {
    const start = pointer >>> 0;
    const end = start + (length >>> 0);
    const { bytes } = this;
    if (end > bytes.length) throw new RangeError("outside of linear memory");
    return bytes.subarray(start, end);
  }

  #refresh(): void {
    if (this.#memory === null) return;
    const { buffer } = this.#memory;
    this.#bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
  }
}
