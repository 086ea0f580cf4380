/**
 * Recent bytes: the end of what a transfer has received, still in memory, so
 * that whoever keeps pace with it is given the very bytes that came, and only
 * those who lag behind read the file. One copy serves every client.
 */
interface Piece {
  readonly start: number;
  readonly bytes: Uint8Array;
}

export class RecentBytes {
  readonly #maxBytes: number;
  #pieces: Piece[] = [];
  #heldBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(start: number, bytes: Uint8Array): void {
    this.#pieces.push({ start, bytes });
    this.#heldBytes += bytes.length;
    while (this.#heldBytes > this.#maxBytes) this.#heldBytes -= (this.#pieces.shift() as Piece).bytes.length;
  }

  /** From `start` to before `end` or less, at least one byte; null when they are not held. */
  at(start: number, end: number): Uint8Array | null {
    // From the newest: that is what most ask for.
    for (let i = this.#pieces.length - 1; i >= 0; i--) {
      const { start: from, bytes } = this.#pieces[i] as Piece;
      if (start >= from && start < from + bytes.length) return bytes.subarray(start - from, Math.min(bytes.length, end - from));
    }
    return null;
  }

  clear(): void {
    this.#pieces = [];
    this.#heldBytes = 0;
  }
}
