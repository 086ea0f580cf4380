/**
 * The thread of one guest database: one request at a time, as sql-threads.ts
 * sends them. It may be ended at any point; SQLite undoes what was not
 * committed. Must not print.
 */
import { workerData } from "node:worker_threads";
import { serveQuestions } from "../base/thread-service.ts";
import { type SqlReply, type SqlRequest, SqlRunner } from "./sql-runner.ts";

const runner = new SqlRunner((workerData as { file: string }).file);

serveQuestions<SqlRequest, SqlReply>({ answer: (request) => runner.serve(request) });
