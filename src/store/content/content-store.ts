/**
 * Content store: bytes under the name of their SHA-256. What lies here was
 * verified before it came in, is verified again in the background, and is
 * never changed. Where the bytes lie (a folder, a bucket) is the backend's
 * affair; which of them are the least recently used is the catalogue's.
 */
import type { Result } from "../../base/result.ts";
import type { StoreFault } from "../store-fault.ts";

export interface StoredContent {
  /** Hexadecimal. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** A file under way: made by the store, so that a death leaves nothing that it doesn't know. */
export interface PartialFile {
  /** Absolute. */
  readonly path: string;
  /** Removes it. Never rejects. */
  discard(): Promise<void>;
}

export interface ContentBackend {
  /** Takes over a verified partial file; resolves when it would survive a power cut. What is there already stays. */
  adopt(content: StoredContent, partialPath: string): Promise<Result<void, StoreFault>>;
  /** Null when it isn't there. */
  open(content: StoredContent): Promise<Result<ContentReader | null, StoreFault>>;
  /** Known to others who share the place, though not to this catalogue (a bucket). Null where only this mirror writes. */
  lookUp(sha256: string): Promise<Result<StoredContent | null, StoreFault>>;
  remove(sha256: string): Promise<Result<void, StoreFault>>;
  close(): Promise<void>;
}

export interface ContentReader {
  readonly sizeBytes: number;
  /** Descriptor for positioned reads, where there is one: the way that copies least. */
  readonly fd: number | null;
  /** Bytes from `start` to before `end`, in order. Ends early only by throwing. */
  stream(start: number, end: number): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

export interface ContentStore {
  /** In the catalogue, or in a shared place. Synchronous when the catalogue knows it; counts no use. */
  find(sha256: string): StoredContent | null | Promise<Result<StoredContent | null, StoreFault>>;
  /** A new partial file, registered before it exists. */
  begin(): Promise<Result<PartialFile, StoreFault>>;
  /** The partial becomes the content, then old content makes room. The caller has verified it. */
  commit(partial: PartialFile, content: StoredContent): Promise<Result<void, StoreFault>>;
  /** Counts a use. Null when it is not there, or was found rotten meanwhile. */
  open(sha256: string): Promise<Result<ContentReader | null, StoreFault>>;
  /** Forgets it and removes its bytes. Readers that are open go on. */
  remove(sha256: string): Promise<Result<void, StoreFault>>;
  /** A reader met something wrong: re-hash it now, and quarantine it if it has rotted. */
  suspect(sha256: string): void;
  readonly totals: ContentTotals;
  close(): Promise<void>;
}

export interface ContentTotals {
  readonly fileCount: number;
  readonly sizeBytes: number;
  readonly maxBytes: number;
  readonly evictedCount: number;
  readonly evictedBytes: number;
  readonly rehashedCount: number;
  readonly quarantinedCount: number;
}
