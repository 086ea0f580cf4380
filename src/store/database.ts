/**
 * Database: opens an SQLite file of ours the one way all of them are opened.
 * WAL, so that readers of other processes wait for nobody; `full` makes a
 * commit survive a power cut, `normal` only the death of every process.
 * Synchronous: belongs on a thread that may wait.
 */
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MIB } from "../base/units.ts";
import { makeFolder } from "./data-folder.ts";
import { primaryCode, SQLITE } from "./sqlite-codes.ts";
import { StoreError, storeFault } from "./store-fault.ts";

/** How long a statement of ours waits for another process's commit. */
const BUSY_TIMEOUT_MS = 5_000;
const PAGE_BYTES = 4096;
/** The log is cut back to this after a checkpoint. */
const LOG_KEEP_BYTES = 16 * MIB;
/** SQLite doesn't wait when two connections turn a new file to WAL at once. */
const OPEN_ATTEMPTS_MAX = 40;
const OPEN_RETRY_MS = 25;

export interface DatabaseKind {
  /** Made of what a new file lacks, and where there were earlier versions also of what theirs lack. */
  readonly schema: string;
  /** Counts up when the schema changes; null where schema and version are a guest's. */
  readonly version: number | null;
  readonly synchronous: "full" | "normal";
  readonly maxBytes: number;
  /** Where a guest's statements run. */
  readonly guard?: Guard;
}

export interface Guard {
  readonly busyTimeoutMs: number;
  readonly limits: Readonly<Record<string, number>>;
}

/** SQL for the time now in milliseconds: one clock for every process that shares a file. */
export const NOW_MS = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

/** Throws StoreError. */
export function openDatabase(file: string, kind: DatabaseKind): DatabaseSync {
  try {
    makeFolder(dirname(file));
  } catch (error) {
    throw explained(`Cannot make the folder of ${file}`, error);
  }
  for (let attempt = 1; ; attempt++) {
    try {
      return openOnce(file, kind);
    } catch (error) {
      if (error instanceof StoreError) throw error;
      if (primaryCode(error) !== SQLITE.busy || attempt === OPEN_ATTEMPTS_MAX) throw explained(`Cannot open ${file}`, error);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, OPEN_RETRY_MS);
    }
  }
}

function openOnce(file: string, kind: DatabaseKind): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: kind.guard?.busyTimeoutMs ?? BUSY_TIMEOUT_MS, limits: kind.guard?.limits });
  try {
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${kind.synchronous};
      PRAGMA journal_size_limit = ${LOG_KEEP_BYTES}; PRAGMA max_page_count = ${Math.floor(kind.maxBytes / PAGE_BYTES)};`);
    if (kind.version === null) return database;
    if (versionOf(database) < kind.version) migrate(database, kind);
    if (versionOf(database) > kind.version) {
      throw new StoreError({
        code: "STORAGE_FAILED",
        message: `Cannot use ${file}: a newer version of pilotlight wrote it. Run that version, or give another --data-dir`,
      });
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function migrate(database: DatabaseSync, { schema, version }: DatabaseKind): void {
  database.exec("BEGIN IMMEDIATE");
  // Another process may have done it while this one waited.
  if (versionOf(database) < version!) database.exec(`${schema}; PRAGMA user_version = ${version};`);
  database.exec("COMMIT");
}

function versionOf(database: DatabaseSync): number {
  return database.prepare("PRAGMA user_version").get()!["user_version"] as number;
}

function explained(action: string, error: unknown): unknown {
  const fault = storeFault(action, error);
  return fault === null ? error : new StoreError(fault);
}
