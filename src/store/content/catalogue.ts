/**
 * Catalogue: what the store keeps, as its process sees it. Writes go to the
 * store thread, which shares one flush to the disk among all that wait; reads
 * are done here, from memory for what is asked for often, else on a connection
 * of our own, in microseconds. A use is a number in memory until the next
 * write, or a few seconds: a death forgets at most those.
 */
import type { DatabaseSync } from "node:sqlite";
import { RecentMap } from "../../base/recent-map.ts";
import { ok } from "../../base/result.ts";
import { SECOND_MS } from "../../base/units.ts";
import { openDatabase } from "../database.ts";
import { StoreClient, type StoreResult } from "../store-client.ts";
import { MIRROR_STOPPING, StoreError, type StoreFault } from "../store-fault.ts";
import { tableFile } from "../tables.ts";
import { faultOf } from "./content-fault.ts";
import type { PlacedContent } from "./content-store.ts";
import { type CatalogueTotal, CONTENT_DATABASE, ContentTable, type Journal, type LooseFile, type Settled } from "./content-table.ts";

/** Rows in memory; each takes some 300 bytes. */
const KNOWN_MAX = 10_000;
const FLUSH_AFTER_MS = 5 * SECOND_MS;
/** Uses of so many files are written before their time. */
const USES_MAX = 5_000;

export interface CatalogueOptions {
  readonly dir: string;
  /** Tells the catalogues of several places apart; "" is the folder's own. */
  readonly name: string;
  readonly maxBytes: number;
  readonly nowMs: () => number;
  /** The journal could not be written; null when it can be again. */
  readonly onTrouble: (fault: StoreFault | null) => void;
}

export class Catalogue {
  /** What leaves because the sum is too large: set by whoever removes it. */
  onEvicted: (evicted: readonly PlacedContent[]) => void = () => {};
  readonly #options: CatalogueOptions;
  readonly #client: StoreClient;
  readonly #database: DatabaseSync;
  readonly #table: ContentTable;
  readonly #known = new RecentMap<string, PlacedContent>({ countMax: KNOWN_MAX });
  #uses = new Map<string, number>();
  #verified = new Map<string, number>();
  #gone = new Set<string>();
  #newestUse: number;
  #total: CatalogueTotal;
  #flushTimer: NodeJS.Timeout | null = null;
  #isTroubled = false;
  #isClosed = false;

  /** Throws StoreError. */
  constructor(options: CatalogueOptions) {
    this.#options = options;
    const file = tableFile(options.dir, "content", options.name);
    this.#database = openDatabase(file, CONTENT_DATABASE);
    try {
      this.#table = new ContentTable(this.#database);
      this.#newestUse = this.#table.newestUse();
      this.#total = this.#table.total();
    } catch (error) {
      this.#database.close();
      throw new StoreError(faultOf(`Cannot read ${file}`, error));
    }
    this.#client = new StoreClient(options.dir);
  }

  get total(): CatalogueTotal {
    return this.#total;
  }

  /** Hot path. Throws StoreError. */
  find(sha256: string): PlacedContent | null {
    const known = this.#known.get(sha256);
    if (known !== undefined) return known;
    const row = this.#read(() => this.#table.find(sha256));
    if (row !== null) this.#known.set(sha256, row);
    return row;
  }

  /** The number of a use that is now, for what is counted later. */
  nextUse(): number {
    return ++this.#newestUse;
  }

  countUse(sha256: string, used = this.nextUse()): void {
    if (used > (this.#uses.get(sha256) ?? 0)) this.#uses.set(sha256, used);
    if (this.#uses.size >= USES_MAX && !this.#isTroubled) void this.flush();
    else this.#flushSoon();
  }

  countVerified(sha256: string): void {
    this.#verified.set(sha256, this.#options.nowMs());
    this.#flushSoon();
  }

  /** A loose file is no more; its row goes with the next write. */
  countGone(place: string): void {
    this.#gone.add(place);
    this.#flushSoon();
  }

  /** Throws StoreError. */
  loose(): LooseFile[] {
    return this.#read(() => this.#table.loose());
  }

  /** Throws StoreError. */
  dueForCheck(beforeMs: number, limit: number): PlacedContent[] {
    return this.#read(() => this.#table.dueForCheck(beforeMs, this.#options.nowMs(), limit));
  }

  /** Resolves when it is written through: before a file is made. */
  note(...files: readonly Omit<LooseFile, "notedAtMs">[]): StoreResult<void> {
    for (const { place } of files) this.#gone.delete(place);
    const notedAtMs = this.#options.nowMs();
    return this.#client.run(
      "content",
      this.#options.name,
      "note",
      files.map((file) => ({ ...file, notedAtMs })),
    );
  }

  /** What arrived is content from here on. Last used when it was given in, not when the disk had it: others were used since. */
  async settle(content: PlacedContent, used = this.nextUse()): StoreResult<void> {
    const { nowMs, maxBytes, name } = this.#options;
    const now = nowMs();
    const arrival = { ...content, used, verifiedAtMs: now };
    const settled = await this.#withJournal((journal) => this.#client.run("content", name, "settle", arrival, journal, maxBytes, now));
    if (settled.ok) this.#known.set(content.sha256, content);
    return settled;
  }

  /** Writes what memory holds, and makes room if there is too much. */
  async flush(): StoreResult<void> {
    const { nowMs, maxBytes, name } = this.#options;
    const isIdle = this.#uses.size + this.#verified.size + this.#gone.size === 0;
    if (isIdle && this.#total.sizeBytes <= maxBytes) return ok(undefined);
    const flushed = await this.#withJournal((journal) => this.#client.run("content", name, "keepUp", journal, maxBytes, nowMs()));
    if (flushed.ok === this.#isTroubled) {
      this.#isTroubled = !flushed.ok;
      this.#options.onTrouble(flushed.ok ? null : flushed.failure);
    }
    return flushed;
  }

  /** Forgets it; its file is registered as leaving, or as quarantined at `aside`. */
  async drop(sha256: string, aside: string | null): StoreResult<PlacedContent | null> {
    const dropped = await this.#client.run("content", this.#options.name, "drop", sha256, aside, this.#options.nowMs());
    if (!dropped.ok) return dropped;
    this.#known.delete(sha256);
    this.#total = dropped.value.total;
    return ok(dropped.value.dropped);
  }

  async close(): Promise<void> {
    await this.flush();
    this.#isClosed = true;
    if (this.#flushTimer !== null) clearTimeout(this.#flushTimer);
    await this.#client.close();
    this.#database.close();
  }

  async #withJournal(write: (journal: Journal) => StoreResult<Settled>): StoreResult<void> {
    const uses = this.#uses;
    const verified = this.#verified;
    const gone = this.#gone;
    this.#uses = new Map();
    this.#verified = new Map();
    this.#gone = new Set();
    const written = await write({ uses: [...uses], verified: [...verified], gone: [...gone] });
    if (!written.ok) {
      // What came meanwhile is newer. Rows of files that are gone may stay: a place that is used again has its row replaced.
      this.#uses = new Map([...uses, ...this.#uses]);
      this.#verified = new Map([...verified, ...this.#verified]);
      this.#flushSoon();
      return written;
    }
    const { total, evicted } = written.value;
    this.#total = total;
    for (const { sha256 } of evicted) this.#known.delete(sha256);
    if (evicted.length > 0) this.onEvicted(evicted);
    // One transaction makes room for itself; a limit that was lowered takes several.
    if (total.sizeBytes > this.#options.maxBytes) this.#flushSoon(0);
    return ok(undefined);
  }

  #flushSoon(afterMs = FLUSH_AFTER_MS): void {
    if (this.#isClosed) return;
    this.#flushTimer ??= setTimeout(() => {
      this.#flushTimer = null;
      void this.flush();
    }, afterMs).unref();
  }

  #read<Value>(look: () => Value): Value {
    if (this.#isClosed) throw new StoreError(MIRROR_STOPPING);
    try {
      return look();
    } catch (error) {
      throw new StoreError(faultOf(`Cannot read ${tableFile(this.#options.dir, "content", this.#options.name)}`, error));
    }
  }
}
