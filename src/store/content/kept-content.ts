/**
 * Kept content: the content store itself, the order in which catalogue and
 * backend are asked. The rule behind every step: a file is in the catalogue
 * before it exists and until it is gone, and is content only once it is
 * complete. What changes one content happens one after the other.
 */
import { assert } from "../../base/assert.ts";
import { KeyedQueue } from "../../base/keyed-queue.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import { SECOND_MS } from "../../base/units.ts";
import { MIRROR_STOPPING, StoreError, type StoreFault } from "../store-fault.ts";
import type { Catalogue } from "./catalogue.ts";
import { attempt } from "./content-fault.ts";
import { isSha256 } from "./content-places.ts";
import type {
  ContentBackend,
  ContentReader,
  ContentStore,
  ContentTotals,
  PartialFile,
  PlacedContent,
  StoredContent,
} from "./content-store.ts";
import { FoundContent } from "./found-content.ts";
import { PartialFiles } from "./partial-files.ts";
import { quarantine } from "./quarantine.ts";
import { type Checked, Rechecker, type RecheckPace } from "./rechecker.ts";
import { recover } from "./recovery.ts";
import { SharedReaders } from "./shared-readers.ts";

export type ContentLog = (level: "debug" | "info" | "warn" | "error", message: string, fields?: Readonly<Record<string, unknown>>) => void;

export interface KeptContentOptions {
  readonly dir: string;
  readonly catalogue: Catalogue;
  readonly backend: ContentBackend;
  readonly maxBytes: number;
  readonly pace: RecheckPace;
  readonly log: ContentLog;
  readonly nowMs: () => number;
  /** What is still under way so long after the end is cut off: only a bucket that doesn't answer takes as long. */
  readonly closeGraceMs: number;
  /** When nothing of the folder is used any more. */
  readonly onClosed: () => void;
}

export const CLOSE_GRACE_MS = 5 * SECOND_MS;
/** Something may come between two steps: an eviction, a return of the same content, somebody else's file. */
const ATTEMPTS_MAX = 3;

export class KeptContent implements ContentStore {
  readonly #backend: ContentBackend;
  readonly #catalogue: Catalogue;
  readonly #partials: PartialFiles;
  readonly #rechecker: Rechecker;
  readonly #maxBytes: number;
  readonly #log: ContentLog;
  /** By hash. */
  readonly #changes = new KeyedQueue();
  readonly #readers = new SharedReaders();
  readonly #found = new FoundContent();
  /** Places of what was dropped and is still there: in a shared place it would be found again. */
  readonly #leaving = new Set<string>();
  readonly #recovered: Promise<void>;
  #evictedCount = 0;
  #evictedBytes = 0;
  #quarantinedCount = 0;
  readonly #closeGraceMs: number;
  readonly #onClosed: () => void;
  #closed: Promise<void> | null = null;

  constructor({ dir, catalogue, backend, maxBytes, pace, log, nowMs, closeGraceMs, onClosed }: KeptContentOptions) {
    this.#closeGraceMs = closeGraceMs;
    this.#onClosed = onClosed;
    this.#backend = backend;
    this.#catalogue = catalogue;
    this.#maxBytes = maxBytes;
    this.#log = log;
    catalogue.onEvicted = (evicted) => this.#evicted(evicted);
    this.#partials = new PartialFiles(dir, catalogue);
    this.#rechecker = new Rechecker({
      pace,
      nowMs,
      due: (beforeMs, limit) => catalogue.dueForCheck(beforeMs, limit),
      open: (content) => backend.open(content),
      conclude: (content, checked) => this.#conclude(content, checked),
      flush: async () => (await catalogue.flush()).ok,
    });
    this.#recovered = this.#recover();
    if (backend.isRechecked) this.#rechecker.start();
  }

  get totals(): ContentTotals {
    return {
      ...this.#catalogue.total,
      maxBytes: this.#maxBytes,
      evictedCount: this.#evictedCount,
      evictedBytes: this.#evictedBytes,
      rehashedCount: this.#rechecker.checkedCount,
      quarantinedCount: this.#quarantinedCount,
    };
  }

  find(sha256: string): Promise<Result<StoredContent | null, StoreFault>> {
    return this.#seek(sha256);
  }

  begin(): Promise<Result<PartialFile, StoreFault>> {
    return this.#closed === null ? this.#partials.begin() : Promise.resolve(fail(MIRROR_STOPPING));
  }

  commit(partial: PartialFile, { sha256, sizeBytes }: StoredContent): Promise<Result<void, StoreFault>> {
    assert(isSha256(sha256), `"${sha256}" is no SHA-256`);
    const partialPlace = this.#partials.take(partial);
    if (partialPlace === null) return Promise.resolve(fail(MIRROR_STOPPING));
    const used = this.#catalogue.nextUse();
    return this.#changes.run(sha256, async () => {
      await this.#recovered;
      const adopted = await this.#adopt({ sha256, sizeBytes }, partial.path, used);
      // Taken over, refused or not needed: its name goes.
      await this.#partials.remove(partialPlace);
      if (!adopted.ok || adopted.value === null) return adopted.ok ? ok(undefined) : adopted;
      const settled = await this.#catalogue.settle(adopted.value, used);
      if (!settled.ok) await this.#clear(adopted.value.place);
      return settled;
    });
  }

  async open(sha256: string): Promise<Result<ContentReader | null, StoreFault>> {
    for (let attempts = 0; attempts < ATTEMPTS_MAX; attempts++) {
      const sought = await this.#seek(sha256);
      if (!sought.ok || sought.value === null) return sought.ok ? ok(null) : sought;
      const { value } = sought;
      const opened = await this.#readers.lease(value.place, () => this.#backend.open(value));
      if (opened.ok && opened.value !== null) this.#catalogue.countUse(sha256);
      if (!opened.ok || opened.value !== null) return opened;
      await this.#conclude(value, { outcome: "gone" });
    }
    return ok(null);
  }

  touch(sha256: string): void {
    if (this.#closed === null) this.#catalogue.countUse(sha256);
  }

  remove(sha256: string): Promise<Result<void, StoreFault>> {
    return this.#changes.run(sha256, async () => {
      if (this.#closed !== null) return fail(MIRROR_STOPPING);
      await this.#recovered;
      const found = this.#found.take(sha256);
      const dropped = await this.#catalogue.drop(sha256, null);
      if (!dropped.ok) return dropped;
      const content = dropped.value ?? found;
      if (content === null) return ok(undefined);
      this.#readers.drop(content.place);
      this.#leaving.add(content.place);
      return this.#release(content);
    });
  }

  suspect(sha256: string): void {
    if (this.#closed !== null) return;
    const known = attempt(() => this.#known(sha256));
    if (known.ok && known.value !== null) this.#rechecker.checkNow(known.value);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const grace = setTimeout(() => void this.#backend.close(), this.#closeGraceMs);
    await this.#rechecker.stop();
    await this.#recovered;
    await this.#partials.close();
    this.#readers.close();
    await this.#changes.idle();
    await this.#catalogue.flush();
    // What that evicted.
    await this.#changes.idle();
    clearTimeout(grace);
    await this.#catalogue.close();
    await this.#backend.close();
    this.#onClosed();
  }

  async #recover(): Promise<void> {
    const host = { backend: this.#backend, catalogue: this.#catalogue, partials: this.#partials, maxBytes: this.#maxBytes, log: this.#log };
    try {
      await recover(host);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#log("error", "Cannot clear up after the last run", { reason: error.message });
    }
    // The limit may have been lowered.
    await this.#catalogue.flush();
  }

  /** Throws StoreError. */
  #known(sha256: string): PlacedContent | null {
    return this.#catalogue.find(sha256) ?? this.#found.get(sha256);
  }

  async #seek(sha256: string): Promise<Result<PlacedContent | null, StoreFault>> {
    if (this.#closed !== null) return fail(MIRROR_STOPPING);
    const known = attempt(() => this.#known(sha256));
    return known.ok && known.value === null && this.#backend.isShared ? this.#lookUp(sha256) : known;
  }

  async #lookUp(sha256: string): Promise<Result<PlacedContent | null, StoreFault>> {
    if (!isSha256(sha256)) return ok(null);
    const found = await this.#backend.lookUp(sha256);
    if (!found.ok || found.value === null) return found;
    if (this.#leaving.has(found.value.place)) return ok(null);
    this.#found.add(found.value);
    return found;
  }

  /** Null when there is nothing to take over. */
  async #adopt(content: StoredContent, path: string, used: number): Promise<Result<PlacedContent | null, StoreFault>> {
    // Everything else would have to leave for it, and then it itself.
    if (content.sizeBytes > this.#maxBytes) return ok(null);
    const known = attempt(() => this.#known(content.sha256));
    if (!known.ok) return known;
    if (known.value !== null) {
      this.#catalogue.countUse(content.sha256, used);
      return ok(null);
    }
    for (let attempts = 0; attempts < ATTEMPTS_MAX; attempts++) {
      const place = await this.#backend.choosePlace(content.sha256);
      if (!place.ok) return place;
      const placed = { ...content, place: place.value };
      const noted = await this.#catalogue.note({ ...placed, state: "arriving", origin: "" });
      if (!noted.ok) return noted;
      const adopted = await this.#backend.adopt(placed, path);
      if (!adopted.ok) return adopted;
      if (adopted.value) return ok(placed);
      this.#catalogue.countGone(place.value);
    }
    return fail({ code: "BUSY", message: `Cannot keep ${content.sha256}: something else makes files of that name. See what does` });
  }

  #evicted(evicted: readonly PlacedContent[]): void {
    for (const content of evicted) {
      this.#evictedCount++;
      this.#evictedBytes += content.sizeBytes;
      this.#readers.drop(content.place);
      this.#leaving.add(content.place);
      void this.#changes.run(content.sha256, () => this.#release(content));
    }
    this.#log("debug", "Evicted what was used least recently", { files: evicted.length });
  }

  /** Removes what the catalogue has dropped, as soon as its readers allow it. */
  async #release(content: PlacedContent): Promise<Result<void, StoreFault>> {
    const released = this.#backend.released(content.place);
    if (released === null) return this.#clearDropped(content);
    void released.then(() => this.#changes.run(content.sha256, () => this.#clearDropped(content)));
    return ok(undefined);
  }

  async #clearDropped({ sha256, place }: PlacedContent): Promise<Result<void, StoreFault>> {
    const now = attempt(() => this.#catalogue.find(sha256));
    if (!now.ok) return now;
    if (now.value?.place !== place) return this.#clear(place);
    // It has come again meanwhile.
    this.#leaving.delete(place);
    return ok(undefined);
  }

  /** Its row says that it is there until it is gone. */
  async #clear(place: string): Promise<Result<void, StoreFault>> {
    const removed = await this.#backend.remove(place);
    if (!removed.ok) {
      this.#log("warn", "Cannot remove what is no longer kept: the next start tries again", { reason: removed.failure.message });
      return removed;
    }
    this.#leaving.delete(place);
    this.#catalogue.countGone(place);
    return removed;
  }

  #conclude(content: PlacedContent, checked: Checked): Promise<void> {
    const { sha256, place } = content;
    return this.#changes.run(sha256, async () => {
      const now = attempt(() => this.#known(sha256));
      // Evicted, or replaced, while it was looked at.
      if (!now.ok || now.value?.place !== place) return;
      if (checked.outcome === "right") return this.#catalogue.countVerified(sha256);
      // No permission, no descriptor, no memory: the content may be as good as ever.
      if (checked.outcome === "unreadable" && (this.#backend.isShared || checked.fault.isDamage !== true)) {
        return this.#log("warn", "Cannot read content to verify it", { sha256, reason: checked.fault.message });
      }
      this.#readers.drop(place);
      this.#found.take(sha256);
      // Others evict from a shared place: that it is gone is no news there.
      if (checked.outcome === "gone" && this.#backend.isShared) await this.#forget(sha256, place);
      else await this.#rotted(content, checked.outcome === "rotten" ? checked.sha256 : checked.outcome);
    });
  }

  async #forget(sha256: string, place: string): Promise<void> {
    const dropped = await this.#catalogue.drop(sha256, null);
    if (dropped.ok && dropped.value !== null) this.#catalogue.countGone(place);
  }

  async #rotted(content: PlacedContent, found: string): Promise<void> {
    const { sha256, place } = content;
    const fault = this.#backend.isRechecked
      ? await quarantine({ catalogue: this.#catalogue, backend: this.#backend, maxBytes: this.#maxBytes }, content)
      : await this.#destroy(content);
    if (fault !== null) return this.#log("error", "Cannot quarantine content that has rotted", { sha256, reason: fault.message });
    this.#quarantinedCount++;
    this.#log("error", "Content has rotted and is no longer served: it is fetched anew when it is asked for", { sha256, place, found });
  }

  async #destroy({ sha256, place }: PlacedContent): Promise<StoreFault | null> {
    const dropped = await this.#catalogue.drop(sha256, null);
    const cleared = dropped.ok ? await this.#clear(place) : dropped;
    return cleared.ok ? null : cleared.failure;
  }
}
