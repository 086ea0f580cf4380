/**
 * Static cache: prepared files by path, least recently used out first, bounded
 * by the bytes they hold. A hit counts as use. An entry is believed for a
 * second, then compared with the file's size and time again.
 */
import { RecentMap } from "../base/recent-map.ts";
import type { ContentCoding } from "./content-coding.ts";

/** One stored form of a file. */
export interface Representation {
  readonly file: string;
  readonly size: number;
  readonly etag: string;
  /** Content, when the file is small enough to be kept. */
  readonly bytes: Uint8Array | null;
  /** What a 304 repeats: validators and cache rules. */
  readonly validatorLines: string;
  /** Those, type and coding. */
  readonly headerLines: string;
}

export interface StaticFile {
  /** Sizes and times of all its forms: when this text is the same, so are the files. */
  readonly fingerprint: string;
  readonly lastModifiedMs: number;
  readonly codings: ReadonlySet<ContentCoding>;
  readonly forms: Readonly<Partial<Record<ContentCoding, Representation>>>;
  readonly heldBytes: number;
  checkedAtMs: number;
}

export class StaticCache {
  readonly #maxBytes: number;
  readonly #files: RecentMap<string, StaticFile>;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#files = new RecentMap({ weightMax: maxBytes, weigh: ({ heldBytes }) => heldBytes });
  }

  get heldBytes(): number {
    return this.#files.weight;
  }

  get(path: string): StaticFile | undefined {
    return this.#files.get(path);
  }

  set(path: string, file: StaticFile): void {
    if (file.heldBytes > this.#maxBytes) this.delete(path);
    else this.#files.set(path, file);
  }

  delete(path: string): void {
    this.#files.delete(path);
  }
}
