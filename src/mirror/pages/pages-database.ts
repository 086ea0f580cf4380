/**
 * Pages database: `pages.sqlite` in the cache folder. What indexes answered,
 * page or none, and rendered forms of the list and of pages. All of it can be fetched
 * again: a commit need not survive a power cut, and a damaged file is set
 * aside (never deleted: somebody may want to know why) for a new one.
 */
import { closeSync, openSync, renameSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { GIB } from "../../base/units.ts";
import { type DatabaseKind, openDatabase } from "../../store/database.ts";
import { primaryCode, SQLITE } from "../../store/sqlite-codes.ts";
import { StoreError } from "../../store/store-fault.ts";

/** A page takes 8 KB on average: room for every project that there is. */
export const PAGES_MAX_BYTES = 8 * GIB;

const PAGES_DATABASE: Omit<DatabaseKind, "maxBytes"> = {
  version: 2,
  synchronous: "normal",
  // The page comes last: whoever reads only what stands before it never touches its pages of the file.
  schema: `
    CREATE TABLE IF NOT EXISTS answer (project TEXT NOT NULL, url TEXT NOT NULL, index_name TEXT NOT NULL, is_page INTEGER NOT NULL,
      checked_at INTEGER NOT NULL, etag TEXT, last_modified TEXT, is_forgotten INTEGER NOT NULL, hash TEXT NOT NULL, page BLOB,
      PRIMARY KEY (project, url));
    CREATE INDEX IF NOT EXISTS answer_page ON answer (checked_at) WHERE is_page = 1 AND project <> '';
    CREATE INDEX IF NOT EXISTS answer_absent ON answer (checked_at) WHERE is_page = 0;
    CREATE TABLE IF NOT EXISTS list_form (slot TEXT NOT NULL PRIMARY KEY, key TEXT NOT NULL, bytes BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS page_form (project TEXT NOT NULL, slot TEXT NOT NULL, key TEXT NOT NULL, made_ms INTEGER NOT NULL,
      until_ms INTEGER, tag TEXT NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (project, slot));`,
};

export function pagesFile(cacheDir: string): string {
  return join(cacheDir, "pages.sqlite");
}

/** Throws StoreError. */
export function openPagesDatabase(file: string, maxBytes: number): { readonly database: DatabaseSync; readonly wasDamaged: boolean } {
  const kind = { ...PAGES_DATABASE, maxBytes };
  makeForOwner(file);
  try {
    return { database: openDatabase(file, kind), wasDamaged: false };
  } catch (error) {
    if (!(error instanceof StoreError) || !isDamagedFile(file)) throw error;
    setAside(file);
    return { database: openDatabase(file, kind), wasDamaged: true };
  }
}

/** SQLite would make it for everybody to read; what it makes beside it gets the same mode. */
function makeForOwner(file: string): void {
  try {
    closeSync(openSync(file, "ax", 0o600));
  } catch {
    // It is there; what else is the matter, SQLite will say.
  }
}

/** Of a file that is no longer a database. */
export function isDamage(error: unknown): boolean {
  const primary = primaryCode(error);
  return primary === SQLITE.corrupt || primary === SQLITE.notADatabase;
}

/** Of a database that is closed. One that was set aside earlier is replaced. */
export function setAside(file: string): void {
  for (const suffix of ["", "-wal", "-shm"]) {
    try {
      renameSync(`${file}${suffix}`, `${file}.damaged${suffix}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}

function isDamagedFile(file: string): boolean {
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(file, { readOnly: true });
    database.prepare("SELECT COUNT(*) FROM sqlite_schema").get();
    return false;
  } catch (error) {
    return isDamage(error);
  } finally {
    database?.close();
  }
}
