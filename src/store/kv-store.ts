/**
 * Key-value store: writes go to the store thread; reads are done here, on a
 * connection that only reads, because a look-up takes microseconds where a trip
 * to a thread takes hundred. A read that this connection can't do at once is
 * done by the thread, which may wait. A process reads what it has written.
 */
import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { ok } from "../base/result.ts";
import type { KeyRange } from "./key-range.ts";
import { type KvRow, KvTable } from "./kv-table.ts";
import type { StoreClient, StoreResult } from "./store-client.ts";
import { tableFile } from "./tables.ts";

export class KvStore {
  readonly #client: StoreClient;
  readonly #readers = new Map<string, { readonly database: DatabaseSync; readonly table: KvTable }>();

  constructor(client: StoreClient) {
    this.#client = client;
  }

  async get(namespace: string, key: Uint8Array): StoreResult<Uint8Array | null> {
    const read = this.#read(namespace, (table) => table.get(key));
    return read === undefined ? this.#client.run("kv", namespace, "get", key) : ok(read);
  }

  async list(namespace: string, range: KeyRange): StoreResult<KvRow[]> {
    const read = this.#read(namespace, (table) => table.list(range));
    return read === undefined ? this.#client.run("kv", namespace, "list", range) : ok(read);
  }

  put(namespace: string, key: Uint8Array, value: Uint8Array, ttlMs: number | null): StoreResult<void> {
    return this.#client.run("kv", namespace, "put", key, value, ttlMs);
  }

  delete(namespace: string, key: Uint8Array): StoreResult<boolean> {
    return this.#client.run("kv", namespace, "delete", key);
  }

  close(): void {
    for (const { database } of this.#readers.values()) database.close();
    this.#readers.clear();
  }

  /** Undefined when it has to be done where waiting is allowed, and errors are explained. */
  #read<Value>(namespace: string, look: (table: KvTable) => Value): Value | undefined {
    try {
      return look(this.#reader(namespace));
    } catch {
      return undefined;
    }
  }

  #reader(namespace: string): KvTable {
    const known = this.#readers.get(namespace);
    if (known !== undefined) return known.table;
    const file = tableFile(this.#client.dataDir, "kv", namespace);
    if (!existsSync(file)) throw new Error("not there yet");
    const database = new DatabaseSync(file, { readOnly: true });
    try {
      const table = new KvTable(database);
      this.#readers.set(namespace, { database, table });
      return table;
    } catch (error) {
      database.close();
      throw error;
    }
  }
}
