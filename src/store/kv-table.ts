/**
 * Key-value table: one namespace, one file, so that neither its size nor its
 * damage is another namespace's. Synchronous; runs on the store thread inside
 * a transaction, and for reads on the event loop. Arguments are checked by then.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { GIB } from "../base/units.ts";
import { type DatabaseKind, NOW_MS } from "./database.ts";
import type { KeyRange } from "./key-range.ts";

export const KV_NAMESPACE_MAX_BYTES = 2 * GIB;

export const KV_DATABASE: DatabaseKind = {
  version: 1,
  synchronous: "normal",
  maxBytes: KV_NAMESPACE_MAX_BYTES,
  schema: `
    CREATE TABLE entry (key BLOB NOT NULL UNIQUE, expires_at INTEGER, value BLOB NOT NULL);
    CREATE INDEX entry_by_expiry ON entry (expires_at) WHERE expires_at IS NOT NULL;`,
};

/** Each write takes a few expired ones along, so that they never pile up. */
const SWEEP_COUNT = 20;

export interface KvRow {
  readonly key: Uint8Array;
  readonly expiresAtMs: number | null;
}

export class KvTable {
  readonly #get: StatementSync;
  readonly #list: StatementSync;
  readonly #database: DatabaseSync;
  #writes: { readonly put: StatementSync; readonly delete: StatementSync; readonly sweep: StatementSync } | null = null;

  constructor(database: DatabaseSync) {
    this.#database = database;
    const alive = `(expires_at IS NULL OR expires_at > ${NOW_MS})`;
    this.#get = database.prepare(`SELECT value FROM entry WHERE key = ? AND ${alive}`);
    this.#list = database.prepare(
      `SELECT key, expires_at AS expiresAtMs FROM entry WHERE key >= ? AND key < ? AND key > ? AND ${alive} ORDER BY key LIMIT ?`,
    );
  }

  get(key: Uint8Array): Uint8Array | null {
    return (this.#get.get(key)?.["value"] as Uint8Array | undefined) ?? null;
  }

  put(key: Uint8Array, value: Uint8Array, ttlMs: number | null): void {
    const writes = this.#prepared();
    writes.put.run(key, value, ttlMs);
    writes.sweep.run(SWEEP_COUNT);
  }

  /** Whether there was one. */
  delete(key: Uint8Array): boolean {
    const there = this.get(key) !== null;
    this.#prepared().delete.run(key);
    return there;
  }

  list({ from, below, after, limit }: KeyRange): KvRow[] {
    return this.#list.all(from, below, after, limit) as unknown as KvRow[];
  }

  /** Not in the constructor: a reader's connection can't prepare them. */
  #prepared() {
    this.#writes ??= {
      put: this.#database.prepare(
        `INSERT INTO entry (key, value, expires_at) VALUES (?1, ?2, ${NOW_MS} + ?3)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at`,
      ),
      delete: this.#database.prepare("DELETE FROM entry WHERE key = ?"),
      sweep: this.#database.prepare(
        `DELETE FROM entry WHERE rowid IN (SELECT rowid FROM entry WHERE expires_at <= ${NOW_MS} ORDER BY expires_at LIMIT ?)`,
      ),
    };
    return this.#writes;
  }
}
