/**
 * Content table: the catalogue of one content store. `content` is what is kept
 * and verified; `loose` is every other file of ours, written down before it
 * exists and until it is gone: so a death at any point leaves nothing that the
 * next start doesn't know, and nothing that isn't written here is ever touched.
 * The totals are a row that triggers keep: nobody scans to know them.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { GIB } from "../../base/units.ts";
import type { DatabaseKind } from "../database.ts";
import type { PlacedContent } from "./content-store.ts";

export const CONTENT_DATABASE: DatabaseKind = {
  version: 1,
  // A file without its row would be lost room for good.
  synchronous: "full",
  maxBytes: 4 * GIB,
  schema: `
    CREATE TABLE content (sha256 TEXT NOT NULL PRIMARY KEY, place TEXT NOT NULL, size INTEGER NOT NULL, used INTEGER NOT NULL,
      verified_at INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX content_by_use ON content (used);
    CREATE INDEX content_by_verification ON content (verified_at);
    CREATE TABLE loose (place TEXT NOT NULL PRIMARY KEY, state TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
      origin TEXT NOT NULL, noted_at INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE total (one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1), files INTEGER NOT NULL, bytes INTEGER NOT NULL);
    INSERT INTO total VALUES (1, 0, 0);
    CREATE TRIGGER content_comes AFTER INSERT ON content BEGIN
      UPDATE total SET files = files + 1, bytes = bytes + NEW.size; END;
    CREATE TRIGGER content_goes AFTER DELETE ON content BEGIN
      UPDATE total SET files = files - 1, bytes = bytes - OLD.size; END;`,
};

/**
 * partial: a transfer writes it. arriving: complete, on its way to `place`.
 * leaving: forgotten, to be removed. quarantined: rotten, kept at `place`; came
 * from `origin`. upload: parts in a bucket, `place` is the upload's id and
 * `origin` the key.
 */
export type LooseState = "partial" | "arriving" | "leaving" | "quarantined" | "upload";

export interface LooseFile {
  readonly place: string;
  readonly state: LooseState;
  /** "" where it isn't known. */
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly origin: string;
  readonly notedAtMs: number;
}

/** What was remembered in memory since the catalogue was last written. */
export interface Journal {
  /** Content to the number of its last use: a count, not a time, so that a clock that is set changes no order. */
  readonly uses: readonly (readonly [sha256: string, used: number])[];
  readonly verified: readonly (readonly [sha256: string, atMs: number])[];
  /** Places of loose files that are no more. */
  readonly gone: readonly string[];
}

export interface CatalogueTotal {
  readonly fileCount: number;
  readonly sizeBytes: number;
}

export interface Settled {
  readonly total: CatalogueTotal;
  /** Now leaving. Not always all that is too much: a transaction takes so many. */
  readonly evicted: readonly PlacedContent[];
}

export interface Arrival extends PlacedContent {
  readonly used: number;
  readonly verifiedAtMs: number;
}

/** A transaction that moves more would keep transfers waiting. */
const EVICTED_MAX = 500;
const COLUMNS = "sha256, size AS sizeBytes, place";
const LOOSE_COLUMNS = "place, state, sha256, size AS sizeBytes, origin, noted_at AS notedAtMs";

/** By name, so that a test can ask how each is answered. */
export const CONTENT_SQL = {
  find: `SELECT ${COLUMNS} FROM content WHERE sha256 = ?`,
  total: "SELECT files AS fileCount, bytes AS sizeBytes FROM total",
  newestUse: "SELECT max(used) AS used FROM content",
  leastUsed: `SELECT ${COLUMNS} FROM content INDEXED BY content_by_use ORDER BY used LIMIT ${EVICTED_MAX}`,
  unverifiedSince: `SELECT ${COLUMNS} FROM content WHERE verified_at < ? ORDER BY verified_at LIMIT ?`,
  verifiedAfter: `SELECT ${COLUMNS} FROM content WHERE verified_at > ? ORDER BY verified_at DESC LIMIT ?`,
  add: "INSERT INTO content (sha256, place, size, used, verified_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
  drop: "DELETE FROM content WHERE sha256 = ?",
  use: "UPDATE content SET used = ?2 WHERE sha256 = ?1 AND used < ?2",
  verify: "UPDATE content SET verified_at = ?2 WHERE sha256 = ?1",
  note: "INSERT OR REPLACE INTO loose (place, state, sha256, size, origin, noted_at) VALUES (?, ?, ?, ?, ?, ?)",
  forget: "DELETE FROM loose WHERE place = ?",
  loose: `SELECT ${LOOSE_COLUMNS} FROM loose ORDER BY noted_at`,
} as const;

export class ContentTable {
  readonly #run: Readonly<Record<keyof typeof CONTENT_SQL, StatementSync>>;

  constructor(database: DatabaseSync) {
    const prepared = Object.entries(CONTENT_SQL).map(([name, sql]) => [name, database.prepare(sql)]);
    this.#run = Object.fromEntries(prepared) as Record<keyof typeof CONTENT_SQL, StatementSync>;
  }

  find(sha256: string): PlacedContent | null {
    const row = this.#run.find.get(sha256) as PlacedContent | undefined;
    return row === undefined ? null : { ...row };
  }

  total(): CatalogueTotal {
    return { ...(this.#run.total.get() as unknown as CatalogueTotal) };
  }

  newestUse(): number {
    return (this.#run.newestUse.get()?.["used"] as number | null) ?? 0;
  }

  /** Few: what is under way, and what was kept aside. */
  loose(): LooseFile[] {
    return (this.#run.loose.all() as unknown as LooseFile[]).map((row) => ({ ...row }));
  }

  /** What was verified longest ago first; a time to come is that of a clock that was wrong. */
  dueForCheck(beforeMs: number, nowMs: number, limit: number): PlacedContent[] {
    const old = this.#run.unverifiedSince.all(beforeMs, limit);
    const rows = old.length > 0 ? old : this.#run.verifiedAfter.all(nowMs, limit);
    return (rows as unknown as PlacedContent[]).map((row) => ({ ...row }));
  }

  note(files: readonly LooseFile[]): void {
    for (const { place, state, sha256, sizeBytes, origin, notedAtMs } of files) {
      this.#run.note.run(place, state, sha256, sizeBytes, origin, notedAtMs);
    }
  }

  /** What was arriving has arrived; what is used least leaves until the sum fits. */
  settle(arrival: Arrival, journal: Journal, maxBytes: number, nowMs: number): Settled {
    const { sha256, place, sizeBytes, used, verifiedAtMs } = arrival;
    this.#run.add.run(sha256, place, sizeBytes, used, verifiedAtMs);
    this.#run.forget.run(place);
    return this.keepUp(journal, maxBytes, nowMs);
  }

  keepUp(journal: Journal, maxBytes: number, nowMs: number): Settled {
    for (const [sha256, used] of journal.uses) this.#run.use.run(sha256, used);
    for (const [sha256, atMs] of journal.verified) this.#run.verify.run(sha256, atMs);
    for (const place of journal.gone) this.#run.forget.run(place);
    return { evicted: this.#evict(maxBytes, nowMs), total: this.total() };
  }

  /** No more content: what it was is leaving, or quarantined at `aside`. */
  drop(sha256: string, aside: string | null, nowMs: number): { readonly dropped: PlacedContent | null; readonly total: CatalogueTotal } {
    const dropped = this.find(sha256);
    if (dropped !== null) this.#take(dropped, aside, nowMs);
    return { dropped, total: this.total() };
  }

  #evict(maxBytes: number, nowMs: number): PlacedContent[] {
    let { sizeBytes } = this.total();
    if (sizeBytes <= maxBytes) return [];
    const evicted: PlacedContent[] = [];
    for (const row of this.#run.leastUsed.iterate() as unknown as Iterable<PlacedContent>) {
      if (sizeBytes <= maxBytes) break;
      sizeBytes -= row.sizeBytes;
      evicted.push({ ...row });
    }
    for (const content of evicted) this.#take(content, null, nowMs);
    return evicted;
  }

  #take({ sha256, sizeBytes, place }: PlacedContent, aside: string | null, nowMs: number): void {
    this.#run.drop.run(sha256);
    if (aside === null) this.#run.note.run(place, "leaving", sha256, sizeBytes, "", nowMs);
    else this.#run.note.run(aside, "quarantined", sha256, sizeBytes, place, nowMs);
  }
}
