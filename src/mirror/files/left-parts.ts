/**
 * Left parts: what was there of transfers that were given up because nobody
 * waited and they came too slowly (fill-pace.ts). The next who wants the file
 * goes on behind them. They last as long as the process, bounded by count and
 * bytes, the oldest out first: no place for what a cache should hold.
 */
import { RecentMap } from "../../base/recent-map.ts";
import { GIB } from "../../base/units.ts";
import type { Digest } from "./digest.ts";
import type { Spool } from "./spool.ts";

const PARTS_MAX = 16;
/** A large file is worth it most: RecentMap keeps the newest whatever it weighs. */
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
  readonly #parts = new RecentMap<string, LeftPart>({
    countMax: PARTS_MAX,
    weightMax: HELD_MAX_BYTES,
    weigh: ({ sizeBytes }) => sizeBytes,
    onPushedOut: (part) => this.#discard(part),
  });
  #dropped: Promise<void> = Promise.resolve();

  get count(): number {
    return this.#parts.size;
  }

  put(key: string, part: LeftPart): void {
    this.#drop(key);
    this.#parts.set(key, part);
  }

  /** Whoever takes it has it alone. */
  take(key: string): LeftPart | null {
    const part = this.#parts.peek(key);
    this.#parts.delete(key);
    return part ?? null;
  }

  /** Resolves when the files of all that were dropped are gone. */
  async clear(): Promise<void> {
    for (const key of [...this.#parts.keys()]) this.#drop(key);
    await this.#dropped;
  }

  #drop(key: string): void {
    const part = this.take(key);
    if (part !== null) this.#discard(part);
  }

  #discard({ spool }: LeftPart): void {
    spool.release();
    this.#dropped = Promise.all([this.#dropped, spool.partial.discard()]).then(() => undefined);
  }
}
