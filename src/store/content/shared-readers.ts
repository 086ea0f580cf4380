/**
 * Shared readers: one open file for all who read the same content, kept open
 * for a while after the last of them, so that a hot file is hardly ever opened.
 * What is dropped from the store is closed with its last reader: only then does
 * the disk have its room back.
 * Hot path: to open and close a file anew takes 100 us of CPU, to share one 2 us.
 */
import { ok, type Result } from "../../base/result.ts";
import { SECOND_MS } from "../../base/units.ts";
import { StoreError, type StoreFault } from "../store-fault.ts";
import type { ContentReader } from "./content-store.ts";

type Opened = Result<ContentReader | null, StoreFault>;

interface Shared {
  readonly place: string;
  readonly reader: ContentReader;
  leaseCount: number;
  isDropped: boolean;
  idleSinceMs: number;
}

const IDLE_MAX_MS = 10 * SECOND_MS;
/** Descriptors that nobody reads. */
const IDLE_MAX = 64;

export class SharedReaders {
  readonly #open = new Map<string, Shared>();
  /** Of these, the ones that nobody reads; longest idle first. */
  readonly #idle = new Set<Shared>();
  #dropCount = 0;
  #sweep: NodeJS.Timeout | null = null;

  async lease(place: string, open: () => Promise<Opened>): Promise<Opened> {
    const known = this.#open.get(place);
    if (known !== undefined) return ok(this.#leased(known));
    const drops = this.#dropCount;
    const opened = await open();
    // Without a descriptor there is nothing to share; what may be going is not kept open for others.
    if (!opened.ok || opened.value?.fd == null || this.#open.has(place) || drops !== this.#dropCount) return opened;
    const shared = { place, reader: opened.value, leaseCount: 0, isDropped: false, idleSinceMs: 0 };
    this.#open.set(place, shared);
    return ok(this.#leased(shared));
  }

  /** Its file is going: who reads it goes on, nobody else begins. */
  drop(place: string): void {
    this.#dropCount++;
    const shared = this.#open.get(place);
    if (shared === undefined) return;
    this.#open.delete(place);
    this.#idle.delete(shared);
    shared.isDropped = true;
    if (shared.leaseCount === 0) void shared.reader.close();
  }

  /** Idle ones at once, the others with their last reader. */
  close(): void {
    if (this.#sweep !== null) clearTimeout(this.#sweep);
    for (const place of [...this.#open.keys()]) this.drop(place);
  }

  #leased(shared: Shared): ContentReader {
    shared.leaseCount++;
    this.#idle.delete(shared);
    return new Lease(shared.reader, () => this.#returned(shared));
  }

  #returned(shared: Shared): void {
    shared.leaseCount--;
    if (shared.leaseCount > 0) return;
    if (shared.isDropped) return void shared.reader.close();
    shared.idleSinceMs = performance.now();
    this.#idle.add(shared);
    const [longest] = this.#idle;
    if (this.#idle.size > IDLE_MAX) this.#closeIdle(longest!);
    this.#sweepLater();
  }

  #sweepLater(): void {
    this.#sweep ??= setTimeout(() => {
      this.#sweep = null;
      const endMs = performance.now() - IDLE_MAX_MS;
      for (const shared of this.#idle) if (shared.idleSinceMs <= endMs) this.#closeIdle(shared);
      if (this.#idle.size > 0) this.#sweepLater();
    }, IDLE_MAX_MS).unref();
  }

  #closeIdle(shared: Shared): void {
    this.#idle.delete(shared);
    this.#open.delete(shared.place);
    void shared.reader.close();
  }
}

class Lease implements ContentReader {
  readonly sizeBytes: number;
  readonly fd: number | null;
  readonly #reader: ContentReader;
  #onClose: (() => void) | null;

  constructor(reader: ContentReader, onClose: () => void) {
    this.#reader = reader;
    this.#onClose = onClose;
    this.sizeBytes = reader.sizeBytes;
    this.fd = reader.fd;
  }

  async *stream(start: number, end: number): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.#reader.stream(start, end)) {
      if (this.#onClose === null) throw new StoreError({ code: "STORAGE_FAILED", message: "Cannot read content: it was closed" });
      yield chunk;
    }
  }

  async close(): Promise<void> {
    const onClose = this.#onClose;
    this.#onClose = null;
    onClose?.();
  }
}
