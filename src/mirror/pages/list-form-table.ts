/**
 * List form table: the rendered and compressed forms of the list of all
 * projects. A form belongs to a key, which names everything that it was made
 * of; under another key it is not there. Synchronous; throws what SQLite
 * throws.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";

export class ListFormTable {
  readonly #find: StatementSync;
  readonly #put: StatementSync;
  readonly #dropOthers: StatementSync;

  constructor(database: DatabaseSync) {
    this.#find = database.prepare("SELECT bytes FROM list_form WHERE slot = ? AND key = ?");
    this.#put = database.prepare("INSERT OR REPLACE INTO list_form VALUES (?, ?, ?)");
    this.#dropOthers = database.prepare("DELETE FROM list_form WHERE key <> ?");
  }

  find(slot: string, key: string): Uint8Array<ArrayBuffer> | null {
    return (this.#find.get(slot, key)?.["bytes"] as Uint8Array<ArrayBuffer> | undefined) ?? null;
  }

  put(slot: string, key: string, bytes: Uint8Array): void {
    this.#dropOthers.run(key);
    this.#put.run(slot, key, bytes);
  }
}
