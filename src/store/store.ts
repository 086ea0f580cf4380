/**
 * Store: everything durable of one data folder, as one process sees it. Nothing
 * is opened and no thread started until it is used.
 */
import { BlobStore } from "./blob-store.ts";
import { type JobStore, jobStore } from "./job-store.ts";
import { KvStore } from "./kv-store.ts";
import { SqlThreads, type SqlThreadsOptions } from "./sql-threads.ts";
import { StoreClient } from "./store-client.ts";

export interface Store {
  /** Leases of locks, and all that has no class of its own here. */
  readonly client: StoreClient;
  readonly kv: KvStore;
  readonly sql: SqlThreads;
  readonly blobs: BlobStore;
  readonly jobs: JobStore;
  /** Waits for writes under way. */
  close(): Promise<void>;
}

export function openStore(options: SqlThreadsOptions): Store {
  const client = new StoreClient(options.dataDir);
  const kv = new KvStore(client);
  const sql = new SqlThreads(options);
  return {
    client,
    kv,
    sql,
    blobs: new BlobStore(client),
    jobs: jobStore(client),
    async close() {
      await Promise.all([client.close(), sql.close()]);
      kv.close();
    },
  };
}
