/**
 * The store thread: does what has queued up for a file in one transaction, so
 * that many writers share one flush to the disk, and answers when it is there.
 * If one of them fails, all is undone and each is done by itself. Runs no code
 * of a guest's, SQL included; must not print.
 */
import type { DatabaseSync } from "node:sqlite";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { openDatabase } from "./database.ts";
import { type StoreFault, storeFault } from "./store-fault.ts";
import { type StoreReply, type StoreRequest, TABLES, tableFile } from "./tables.ts";

/** What one transaction takes: more would keep other processes waiting. */
const BATCH_MAX = 200;

type Method = (...args: readonly unknown[]) => unknown;

interface Open {
  readonly file: string;
  readonly database: DatabaseSync;
  readonly table: Record<string, Method>;
}

const { dataDir } = workerData as { dataDir: string };
const port = parentPort!;
const opened = new Map<string, Open>();

port.on("message", (first: StoreRequest) => {
  const batch = [first];
  while (batch.length < BATCH_MAX) {
    const next = receiveMessageOnPort(port) as { message: StoreRequest } | undefined;
    if (next === undefined) break;
    batch.push(next.message);
  }
  const replies: StoreReply[] = [];
  for (const requests of Map.groupBy(batch, ({ kind, name }) => `${kind}/${name}`).values()) replies.push(...serve(requests));
  port.postMessage(replies);
});

function serve(requests: readonly StoreRequest[]): StoreReply[] {
  const { kind, name } = requests[0]!;
  try {
    const open = openedFor(kind, name);
    try {
      return inTransaction(open, requests);
    } catch (error) {
      if (requests.length === 1) return [failed(requests[0]!, open.file, error)];
      return requests.flatMap((request) => serve([request]));
    }
  } catch (error) {
    return requests.map((request) => failed(request, tableFile(dataDir, kind, name), error));
  }
}

function openedFor(kind: StoreRequest["kind"], name: string): Open {
  const key = `${kind}/${name}`;
  const known = opened.get(key);
  if (known !== undefined) return known;
  const file = tableFile(dataDir, kind, name);
  const { database: settings, Table } = TABLES[kind];
  const database = openDatabase(file, settings);
  const open = { file, database, table: new Table(database) as Record<string, Method> };
  opened.set(key, open);
  return open;
}

function inTransaction({ database, table }: Open, requests: readonly StoreRequest[]): StoreReply[] {
  database.exec("BEGIN IMMEDIATE");
  try {
    const replies = requests.map(({ id, method, args }): StoreReply => ({ id, ok: true, value: table[method]!(...args) }));
    database.exec("COMMIT");
    return replies;
  } catch (error) {
    // A full disk may have undone it already.
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function failed({ id, kind, method }: StoreRequest, file: string, error: unknown): StoreReply {
  const fault: StoreFault = storeFault(`Cannot ${method} in ${file}`, error) ?? {
    code: "STORAGE_FAILED",
    message: `Internal error in ${kind}.${method}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  };
  return { id, ok: false, fault };
}
