/**
 * Static cache: prepared files by path, least recently used out first, bounded
 * by the bytes they hold. A hit counts as use. An entry is believed for a
 * second, then compared with the file's size and time again.
 */
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
  /** Insertion order is order of use. */
  readonly #files = new Map<string, StaticFile>();
  #heldBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get(path: string): StaticFile | undefined {
    const file = this.#files.get(path);
    if (file === undefined) return undefined;
    this.#files.delete(path);
    this.#files.set(path, file);
    return file;
  }

  set(path: string, file: StaticFile): void {
    this.delete(path);
    if (file.heldBytes > this.#maxBytes) return;
    this.#files.set(path, file);
    this.#heldBytes += file.heldBytes;
    for (const oldest of this.#files.keys()) {
      if (this.#heldBytes <= this.#maxBytes) break;
      this.delete(oldest);
    }
  }

  delete(path: string): void {
    const file = this.#files.get(path);
    if (file === undefined) return;
    this.#files.delete(path);
    this.#heldBytes -= file.heldBytes;
  }
}
