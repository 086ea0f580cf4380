/**
 * SQL threads: one for each database that is in use, because a guest's statement
 * may take any time and nothing interrupts SQLite from outside. One whose time
 * is up is answered, and its thread ended, which V8 does between two rows. A
 * statement that yields no row can't be ended so: its process must be given up,
 * and the function be blamed for it (`onStuck`).
 */
import { fail, type Result } from "../base/result.ts";
import { ThreadClient, type ThreadFailure } from "../base/thread-client.ts";
import type { SqlFault, SqlReply, SqlRequest, SqlRows } from "./sql-runner.ts";
import { SERVER_STOPPING, threadFault } from "./store-fault.ts";
import { sqlFile } from "./tables.ts";

export const SQL_TIME_MAX_MS = 5_000;
/** From then on an ended thread that still runs is stuck. */
const STUCK_AFTER_MS = 3_000;
const IDLE_MAX_MS = 60_000;
const LINE_MAX = 1_000;
const HEAP_MAX_MIB = 128;

export type SqlOutcome = Result<readonly SqlRows[], SqlFault | { readonly code: "SQL_TIMEOUT"; readonly message: string }>;

export interface SqlThreadsOptions {
  readonly dataDir: string;
  readonly timeMaxMs?: number;
  readonly stuckAfterMs?: number;
  onStuck(functionId: string): void;
}

interface Waiting {
  readonly functionId: string;
  readonly form: SqlRequest["form"];
  readonly statements: SqlRequest["statements"];
  resolve(outcome: SqlOutcome): void;
}

export class SqlThreads {
  readonly #options: SqlThreadsOptions;
  readonly #lines = new Map<string, SqlLine>();

  constructor(options: SqlThreadsOptions) {
    this.#options = options;
  }

  run(functionId: string, database: string, form: SqlRequest["form"], statements: SqlRequest["statements"]): Promise<SqlOutcome> {
    let line = this.#lines.get(database);
    if (line === undefined) {
      line = new SqlLine(sqlFile(this.#options.dataDir, database), this.#options);
      this.#lines.set(database, line);
    }
    return line.run(functionId, form, statements);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#lines.values()].map((line) => line.close()));
  }
}

/** Requests for one database, one after another. */
class SqlLine {
  readonly #file: string;
  readonly #options: SqlThreadsOptions;
  readonly #thread: ThreadClient<SqlRequest, SqlReply>;
  readonly #waiting: Waiting[] = [];
  #running: Waiting | null = null;
  #deadline: NodeJS.Timeout | null = null;

  constructor(file: string, options: SqlThreadsOptions) {
    this.#file = file;
    this.#options = options;
    this.#thread = new ThreadClient({
      program: "store/sql-thread",
      workerData: { file },
      heapMaxMib: HEAP_MAX_MIB,
      idleMaxMs: IDLE_MAX_MS,
      onOnline: () => {
        if (this.#running !== null) this.#setDeadline();
      },
    });
  }

  run(functionId: string, form: SqlRequest["form"], statements: SqlRequest["statements"]): Promise<SqlOutcome> {
    if (this.#waiting.length >= LINE_MAX) {
      return Promise.resolve(fail({ code: "BUSY", message: `${LINE_MAX} requests wait for this database. Try again later` }));
    }
    const { promise, resolve } = Promise.withResolvers<SqlOutcome>();
    this.#waiting.push({ functionId, form, statements, resolve });
    this.#next();
    return promise;
  }

  async close(): Promise<void> {
    const stopping = fail(SERVER_STOPPING);
    for (const { resolve } of this.#waiting.splice(0)) resolve(stopping);
    const isIdle = this.#running === null;
    this.#answer(stopping);
    const ended = this.#thread.close();
    // A statement in its midst may end late, or never.
    if (isIdle) await ended;
  }

  #next(): void {
    if (this.#running !== null) return;
    const request = this.#waiting.shift();
    if (request === undefined) return;
    this.#running = request;
    const { form, statements } = request;
    void this.#thread.ask({ form, statements }).then((asked) => this.#take(request, asked));
    if (this.#thread.isOnline) this.#setDeadline();
  }

  /** From the moment when the thread could begin: its own start is not the statement's. */
  #setDeadline(): void {
    const { timeMaxMs = SQL_TIME_MAX_MS } = this.#options;
    this.#deadline = setTimeout(() => this.#overran(timeMaxMs), timeMaxMs);
  }

  #take(request: Waiting, asked: Result<SqlReply, ThreadFailure>): void {
    // One that overran, or met the end of its server, has its answer.
    if (this.#running !== request) return;
    const names = { thread: `The thread of ${this.#file}`, tooMany: "requests wait", stopping: SERVER_STOPPING };
    this.#answer(asked.ok ? asked.value : fail(threadFault(asked.failure, names)));
    this.#next();
  }

  #answer(outcome: SqlOutcome): void {
    const request = this.#running;
    this.#running = null;
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    request?.resolve(outcome);
  }

  #overran(timeMaxMs: number): void {
    const { functionId } = this.#running!;
    const stuck = setTimeout(() => this.#options.onStuck(functionId), this.#options.stuckAfterMs ?? STUCK_AFTER_MS);
    void this.#thread.giveUp("a statement took too long").finally(() => clearTimeout(stuck));
    this.#answer(
      fail({ code: "SQL_TIMEOUT", message: `not done after ${timeMaxMs} ms; nothing of it is kept. Add an index, or ask for less` }),
    );
    this.#next();
  }
}
