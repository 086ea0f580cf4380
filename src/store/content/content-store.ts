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

/** `place` is what the backend calls it: below the store's folder, or the key of an object. */
export interface PlacedContent extends StoredContent {
  readonly place: string;
}

/**
 * Where bytes lie. Everything it makes was registered in the catalogue before:
 * places by who calls it, uploads in parts by itself.
 */
export interface ContentBackend {
  /** Others may put things there: what the catalogue doesn't know is looked up. */
  readonly isShared: boolean;
  /** What lies there is read again in the background, and what rotted is kept aside for whoever wants to see it. */
  readonly isRechecked: boolean;
  /** A place at which nothing lies, or the same content. */
  choosePlace(sha256: string): Promise<Result<string, StoreFault>>;
  /**
   * Takes over a verified partial file, whose name its owner removes after;
   * resolves when it would survive a power cut. False when somebody put
   * something else at the place meanwhile. A failure tries to leave nothing
   * there; the place's row must stay, because it may not succeed.
   */
  adopt(content: PlacedContent, partialPath: string): Promise<Result<boolean, StoreFault>>;
  /** After a death in the midst of `adopt`: is all of it there, and right? */
  hasArrived(content: PlacedContent): Promise<Result<boolean, StoreFault>>;
  /** Null when it isn't there, or is not that size. */
  open(content: PlacedContent): Promise<Result<ContentReader | null, StoreFault>>;
  /** Known to others who share the place, though not to this catalogue (a bucket). Null where only this mirror writes. */
  lookUp(sha256: string): Promise<Result<PlacedContent | null, StoreFault>>;
  /** Resolves when removing it takes it from no open reader; null where it never does. */
  released(place: string): Promise<void> | null;
  /** Nothing there is a success. */
  remove(place: string): Promise<Result<void, StoreFault>>;
  /** False when nothing was there. */
  move(place: string, to: string): Promise<Result<boolean, StoreFault>>;
  /** Ends an upload in parts that a death left open. */
  abandon(uploadId: string, place: string): Promise<Result<void, StoreFault>>;
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
  /** In the catalogue, or in a shared place. Counts no use. */
  find(sha256: string): Promise<Result<StoredContent | null, StoreFault>>;
  /** A new partial file, registered before it exists. */
  begin(): Promise<Result<PartialFile, StoreFault>>;
  /**
   * The partial becomes the content, then old content makes room. The caller
   * has verified it. Whatever the outcome, the partial's name is gone; a
   * descriptor that is open on it goes on. What is larger than the limit is
   * not kept, which is a success.
   */
  commit(partial: PartialFile, content: StoredContent): Promise<Result<void, StoreFault>>;
  /** Counts a use. Null when it is not there, or was found rotten meanwhile. */
  open(sha256: string): Promise<Result<ContentReader | null, StoreFault>>;
  /** Counts a use of what was answered from memory. */
  touch(sha256: string): void;
  /** Forgets it and removes its bytes. Readers that are open go on. */
  remove(sha256: string): Promise<Result<void, StoreFault>>;
  /** A reader met something wrong: re-hash it now, and quarantine it if it has rotted. */
  suspect(sha256: string): void;
  readonly totals: ContentTotals;
  close(): Promise<void>;
}

/** Files and bytes are those that this mirror keeps; the counts are since its start. */
export interface ContentTotals {
  readonly fileCount: number;
  readonly sizeBytes: number;
  readonly maxBytes: number;
  readonly evictedCount: number;
  readonly evictedBytes: number;
  readonly rehashedCount: number;
  readonly quarantinedCount: number;
}
