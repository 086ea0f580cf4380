/**
 * Left parts: what was there of transfers that were given up because nobody
 * waited and they came too slowly (fill-pace.ts). The next who wants the file
 * goes on behind them. They last as long as the process, bounded by count and
 * bytes, the oldest out first: no place for what a cache should hold.
 */
import { GIB } from "../../base/units.ts";
import type { Digest } from "./digest.ts";
import type { Spool } from "./spool.ts";

const PARTS_MAX = 16;
/** The newest stays whatever it weighs: a large file is the one that is worth it. */
const HELD_MAX_BYTES = GIB;

/** Its spool is held by whoever has the part. */
export interface LeftPart {
  readonly spool: Spool;
  /** Of the bytes that are there. */
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Null where upstream has not told. */
  readonly totalBytes: number | null;
}

export class LeftParts {
  /** Insertion order is order of age. */
  readonly #parts = new Map<string, LeftPart>();
  #heldBytes = 0;
  #dropped: Promise<void> = Promise.resolve();

  get count(): number {
    return this.#parts.size;
  }

  put(key: string, part: LeftPart): void {
    this.#drop(key);
    this.#parts.set(key, part);
    this.#heldBytes += part.sizeBytes;
    for (const oldest of this.#parts.keys()) {
      if (this.#parts.size === 1 || (this.#parts.size <= PARTS_MAX && this.#heldBytes <= HELD_MAX_BYTES)) break;
      this.#drop(oldest);
    }
  }

  /** Whoever takes it has it alone. */
  take(key: string): LeftPart | null {
    const part = this.#parts.get(key);
    if (part === undefined) return null;
    this.#parts.delete(key);
    this.#heldBytes -= part.sizeBytes;
    return part;
  }

  /** Resolves when the files of all that were dropped are gone. */
  async clear(): Promise<void> {
    for (const key of [...this.#parts.keys()]) this.#drop(key);
    await this.#dropped;
  }

  #drop(key: string): void {
    const part = this.take(key);
    if (part === null) return;
    part.spool.release();
    this.#dropped = Promise.all([this.#dropped, part.spool.partial.discard()]).then(() => undefined);
  }
}
