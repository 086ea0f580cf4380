/**
 * The store thread: does what has queued up for a file in one transaction, so
 * that many writers share one flush to the disk, and answers when it is there.
 * If one of them fails, all is undone and each is done by itself. Runs no code
 * of a guest's, SQL included; must not print.
 */
import type { DatabaseSync } from "node:sqlite";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { fail, ok } from "../base/result.ts";
import type { ThreadAnswer, ThreadQuestion } from "../base/thread-service.ts";
import { openDatabase } from "./database.ts";
import { type StoreFault, storeFault } from "./store-fault.ts";
import { type StoreReply, type StoreRequest, TABLES, tableFile } from "./tables.ts";

/** What one transaction takes: more would keep other processes waiting. */
const BATCH_MAX = 200;

type Asked = ThreadQuestion<StoreRequest>;
type Answered = ThreadAnswer<StoreReply>;
type Method = (...args: readonly unknown[]) => unknown;

interface Open {
  readonly file: string;
  readonly database: DatabaseSync;
  readonly table: Record<string, Method>;
}

const { dataDir } = workerData as { dataDir: string };
const port = parentPort!;
const opened = new Map<string, Open>();

port.on("message", (first: Asked | null) => {
  const batch: Asked[] = [];
  // What is told last is to end.
  let next: Asked | null | undefined = first;
  while (next != null) {
    batch.push(next);
    next = batch.length < BATCH_MAX ? received() : undefined;
  }
  const answers: Answered[] = [];
  const byFile = Map.groupBy(batch, ({ question: { kind, name } }) => `${kind}/${name}`);
  for (const requests of byFile.values()) answers.push(...serve(requests));
  port.postMessage(answers);
  if (next === null) end();
});

function received(): Asked | null | undefined {
  return (receiveMessageOnPort(port) as { message: Asked | null } | undefined)?.message;
}

/** The last connection that closes folds the write-ahead log into the file. */
function end(): void {
  for (const { database } of opened.values()) database.close();
  port.close();
}

function serve(requests: readonly Asked[]): Answered[] {
  const { kind, name } = requests[0]!.question;
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

function inTransaction({ database, table }: Open, requests: readonly Asked[]): Answered[] {
  database.exec("BEGIN IMMEDIATE");
  try {
    const answers = requests.map(({ id, question: { method, args } }): Answered => ({ id, answer: ok(table[method]!(...args)) }));
    database.exec("COMMIT");
    return answers;
  } catch (error) {
    // A full disk may have undone it already.
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function failed({ id, question: { kind, method } }: Asked, file: string, error: unknown): Answered {
  const fault: StoreFault = storeFault(`Cannot ${method} in ${file}`, error) ?? {
    code: "STORAGE_FAILED",
    message: `Internal error in ${kind}.${method}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  };
  return { id, answer: fail(fault) };
}
