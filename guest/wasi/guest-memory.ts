/**
 * The guest's linear memory as the shim reads and writes it. A view is made
 * anew when the memory has grown (its buffer is then another one). Every range
 * comes from hostile code: what does not lie inside throws OUTSIDE, which
 * guarded.ts turns into EFAULT. Not a RangeError: that is also what a guest's
 * recursion comes to when its last call is ours.
 */
import type { Memory } from "./webassembly.ts";

/** Thrown for what leaves the memory, by nobody else. One for all: it is no failure of ours, and needs no stack. */
export const OUTSIDE = new (class OutsideOfMemory {})();

/** What the shim needs of a DataView, with bounds of its own; the rest would throw a RangeError, which ends the run. */
class GuestView extends DataView<ArrayBuffer> {
  #check(at: number, length: number): void {
    if (at + length > this.byteLength) throw OUTSIDE;
  }

  override getUint8(at: number): number {
    this.#check(at, 1);
    return super.getUint8(at);
  }

  override getUint16(at: number, isLittle: boolean): number {
    this.#check(at, 2);
    return super.getUint16(at, isLittle);
  }

  override getUint32(at: number, isLittle: boolean): number {
    this.#check(at, 4);
    return super.getUint32(at, isLittle);
  }

  override getBigUint64(at: number, isLittle: boolean): bigint {
    this.#check(at, 8);
    return super.getBigUint64(at, isLittle);
  }

  override setUint8(at: number, value: number): void {
    this.#check(at, 1);
    super.setUint8(at, value);
  }

  override setUint16(at: number, value: number, isLittle: boolean): void {
    this.#check(at, 2);
    super.setUint16(at, value, isLittle);
  }

  override setUint32(at: number, value: number, isLittle: boolean): void {
    this.#check(at, 4);
    super.setUint32(at, value, isLittle);
  }

  override setBigUint64(at: number, value: bigint, isLittle: boolean): void {
    this.#check(at, 8);
    super.setBigUint64(at, value, isLittle);
  }
}

export class GuestMemory {
  #memory: Memory | null = null;
  #bytes: Uint8Array = new Uint8Array(0);
  #view = new GuestView(new ArrayBuffer(0));

  attach(memory: Memory): void {
    this.#memory = memory;
    this.#refresh();
  }

  /** Until another is attached, everything lies outside. */
  detach(): void {
    this.#memory = null;
    this.#bytes = new Uint8Array(0);
    this.#view = new GuestView(new ArrayBuffer(0));
  }

  get bytes(): Uint8Array {
    // Growing detaches the views; asking the memory for its buffer every time would cost more than the access.
    if (this.#bytes.length === 0) this.#refresh();
    return this.#bytes;
  }

  get view(): GuestView {
    if (this.#bytes.length === 0) this.#refresh();
    return this.#view;
  }

  /** A view of the range; throws OUTSIDE when it leaves the memory. Pointers arrive as signed numbers. */
  slice(pointer: number, length: number): Uint8Array {
    const start = pointer >>> 0;
    const end = start + (length >>> 0);
    const { bytes } = this;
    if (end > bytes.length) throw OUTSIDE;
    return bytes.subarray(start, end);
  }

  #refresh(): void {
    if (this.#memory === null) return;
    const { buffer } = this.#memory;
    this.#bytes = new Uint8Array(buffer);
    this.#view = new GuestView(buffer);
  }
}
