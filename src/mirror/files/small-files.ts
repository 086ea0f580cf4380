/**
 * Small files: the content of what is asked for most (metadata, little wheels)
 * in memory, least recently used out first. An installer that resolves reads
 * hundreds of them; from here each costs neither an open file nor a thread.
 */
import { KIB, MIB } from "../../base/units.ts";

export const SMALL_FILE_MAX_BYTES = 128 * KIB;
const HELD_MAX_BYTES = 16 * MIB;

export class SmallFiles {
  /** Insertion order is order of use. */
  readonly #bySha256 = new Map<string, Uint8Array>();
  #heldBytes = 0;

  get(sha256: string): Uint8Array | undefined {
    const bytes = this.#bySha256.get(sha256);
    if (bytes === undefined) return undefined;
    this.#bySha256.delete(sha256);
    this.#bySha256.set(sha256, bytes);
    return bytes;
  }

  set(sha256: string, bytes: Uint8Array): void {
    this.delete(sha256);
    this.#bySha256.set(sha256, bytes);
    this.#heldBytes += bytes.length;
    for (const oldest of this.#bySha256.keys()) {
      if (this.#heldBytes <= HELD_MAX_BYTES) break;
      this.delete(oldest);
    }
  }

  delete(sha256: string): void {
    const bytes = this.#bySha256.get(sha256);
    if (bytes === undefined) return;
    this.#bySha256.delete(sha256);
    this.#heldBytes -= bytes.length;
  }
}
