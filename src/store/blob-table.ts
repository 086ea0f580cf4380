/**
 * Blob table: the index of one bucket. Which file holds a key's content; the
 * files are blob-store.ts's. A key changes its file within one transaction, so a
 * reader finds the old content or the new.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { GIB } from "../base/units.ts";
import type { DatabaseKind } from "./database.ts";
import type { KeyRange } from "./key-range.ts";

export const BLOB_DATABASE: DatabaseKind = {
  version: 1,
  synchronous: "full",
  maxBytes: GIB,
  schema: `
    CREATE TABLE blob (key BLOB NOT NULL PRIMARY KEY, file TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, sha256 TEXT NOT NULL,
      content_type TEXT, written_at INTEGER NOT NULL) WITHOUT ROWID;`,
};

export interface BlobRow {
  readonly key: Uint8Array;
  readonly file: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly contentType: string | null;
  readonly writtenAtMs: number;
}

const COLUMNS = "key, file, size AS sizeBytes, sha256, content_type AS contentType, written_at AS writtenAtMs";

export class BlobTable {
  readonly #find: StatementSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #list: StatementSync;
  readonly #holds: StatementSync;

  constructor(database: DatabaseSync) {
    this.#find = database.prepare(`SELECT ${COLUMNS} FROM blob WHERE key = ?`);
    this.#put = database.prepare(
      "INSERT OR REPLACE INTO blob (key, file, size, sha256, content_type, written_at) VALUES (?, ?, ?, ?, ?, ?)",
    );
    this.#delete = database.prepare("DELETE FROM blob WHERE key = ? RETURNING file");
    this.#list = database.prepare(`SELECT ${COLUMNS} FROM blob WHERE key >= ? AND key < ? AND key > ? ORDER BY key LIMIT ?`);
    this.#holds = database.prepare("SELECT 1 FROM blob WHERE file = ?");
  }

  find(key: Uint8Array): BlobRow | null {
    const row = this.#find.get(key) as BlobRow | undefined;
    return row === undefined ? null : { ...row };
  }

  /** The file that held the key before; nobody will be pointed to it again. */
  put({ key, file, sizeBytes, sha256, contentType, writtenAtMs }: BlobRow): string | null {
    const before = this.find(key)?.file ?? null;
    this.#put.run(key, file, sizeBytes, sha256, contentType, writtenAtMs);
    return before;
  }

  delete(key: Uint8Array): string | null {
    return (this.#delete.get(key)?.["file"] as string | undefined) ?? null;
  }

  list({ from, below, after, limit }: KeyRange): BlobRow[] {
    return (this.#list.all(from, below, after, limit) as unknown as BlobRow[]).map((row) => ({ ...row }));
  }

  /** Of these files, those that no key points to. */
  strays(files: readonly string[]): string[] {
    return files.filter((file) => this.#holds.get(file) === undefined);
  }
}
