/**
 * Lock table: leases that end by themselves. Every process of this machine
 * judges them by the database's clock. Tokens only ever grow, also over a
 * restart (Kleppmann, "How to do distributed locking": fencing), so commits are
 * written through.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { GIB } from "../base/units.ts";
import { type DatabaseKind, NOW_MS } from "./database.ts";

export const LOCK_DATABASE: DatabaseKind = {
  version: 1,
  synchronous: "full",
  maxBytes: GIB,
  schema: `
    CREATE TABLE lease (name BLOB NOT NULL PRIMARY KEY, token INTEGER NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX lease_by_expiry ON lease (expires_at);
    CREATE TABLE fence (token INTEGER NOT NULL);
    INSERT INTO fence VALUES (0);`,
};

const SWEEP_COUNT = 20;

export interface LeaseRow {
  readonly token: number;
  readonly expiresAtMs: number;
}

export class LockTable {
  readonly #end: StatementSync;
  readonly #held: StatementSync;
  readonly #nextToken: StatementSync;
  readonly #insert: StatementSync;
  readonly #renew: StatementSync;
  readonly #release: StatementSync;
  readonly #sweep: StatementSync;

  constructor(database: DatabaseSync) {
    this.#end = database.prepare(`DELETE FROM lease WHERE name = ? AND expires_at <= ${NOW_MS}`);
    this.#held = database.prepare("SELECT 1 FROM lease WHERE name = ?");
    this.#nextToken = database.prepare("UPDATE fence SET token = token + 1 RETURNING token");
    this.#insert = database.prepare(
      `INSERT INTO lease (name, token, expires_at) VALUES (?, ?, ${NOW_MS} + ?) RETURNING token, expires_at AS expiresAtMs`,
    );
    this.#renew = database.prepare(
      `UPDATE lease SET expires_at = ${NOW_MS} + ? WHERE name = ? AND token = ? AND expires_at > ${NOW_MS}
       RETURNING token, expires_at AS expiresAtMs`,
    );
    this.#release = database.prepare(`DELETE FROM lease WHERE name = ? AND token = ? RETURNING expires_at > ${NOW_MS} AS wasAlive`);
    this.#sweep = database.prepare(
      `DELETE FROM lease WHERE name IN (SELECT name FROM lease WHERE expires_at <= ${NOW_MS} ORDER BY expires_at LIMIT ?)`,
    );
  }

  /** Null while somebody holds it. */
  acquire(name: Uint8Array, ttlMs: number): LeaseRow | null {
    this.#end.run(name);
    if (this.#held.get(name) !== undefined) return null;
    this.#sweep.run(SWEEP_COUNT);
    const { token } = this.#nextToken.get() as { token: number };
    return { ...(this.#insert.get(name, token, ttlMs) as unknown as LeaseRow) };
  }

  renew(name: Uint8Array, token: number, ttlMs: number): LeaseRow | null {
    const lease = this.#renew.get(ttlMs, name, token) as LeaseRow | undefined;
    return lease === undefined ? null : { ...lease };
  }

  release(name: Uint8Array, token: number): boolean {
    return this.#release.get(name, token)?.["wasAlive"] === 1;
  }
}
