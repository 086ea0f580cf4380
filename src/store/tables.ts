/**
 * Tables: what the store thread can open, by kind. Each kind has its files, its
 * schema and the class whose methods are the operations.
 */
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { Result } from "../base/result.ts";
import { BLOB_DATABASE, BlobTable } from "./blob-table.ts";
import { CONTENT_DATABASE, ContentTable } from "./content/content-table.ts";
import type { DatabaseKind } from "./database.ts";
import { JOB_DATABASE, JobTable } from "./job-table.ts";
import { KV_DATABASE, KvTable } from "./kv-table.ts";
import { LOCK_DATABASE, LockTable } from "./lock-table.ts";
import type { StoreFault } from "./store-fault.ts";

export interface Tables {
  readonly kv: KvTable;
  readonly lock: LockTable;
  readonly jobs: JobTable;
  readonly blob: BlobTable;
  readonly content: ContentTable;
}

export type TableKind = keyof Tables;

interface TableType {
  readonly database: DatabaseKind;
  readonly Table: new (database: DatabaseSync) => object;
}

export const TABLES: Readonly<Record<TableKind, TableType>> = {
  kv: { database: KV_DATABASE, Table: KvTable },
  lock: { database: LOCK_DATABASE, Table: LockTable },
  jobs: { database: JOB_DATABASE, Table: JobTable },
  blob: { database: BLOB_DATABASE, Table: BlobTable },
  content: { database: CONTENT_DATABASE, Table: ContentTable },
};

/** `name` tells files of one kind apart; "" where there is only one. Checked by the configuration: no path gets in. */
export function tableFile(dataDir: string, kind: TableKind, name: string): string {
  // Beside what it describes: the folder is a cache, and goes as a whole.
  if (kind === "content") return join(dataDir, name === "" ? "content.sqlite" : `content-${name}.sqlite`);
  return join(dataDir, "store", ...(name === "" ? [`${kind}.sqlite`] : [kind, `${name}.sqlite`]));
}

export function sqlFile(dataDir: string, database: string): string {
  return join(dataDir, "store", "sql", `${database}.sqlite`);
}

/** What a process asks of its store thread, and what it is told. */
export interface StoreRequest {
  readonly kind: TableKind;
  readonly name: string;
  readonly method: string;
  readonly args: readonly unknown[];
}

export type StoreReply = Result<unknown, StoreFault>;
