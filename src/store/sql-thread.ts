/**
 * The thread of one guest database: one request at a time, as sql-threads.ts
 * sends them. It may be ended at any point; SQLite undoes what was not
 * committed. Must not print.
 */
import { parentPort, workerData } from "node:worker_threads";
import { type SqlRequest, SqlRunner } from "./sql-runner.ts";

const runner = new SqlRunner((workerData as { file: string }).file);

parentPort!.on("message", (request: SqlRequest) => parentPort!.postMessage(runner.serve(request)));
