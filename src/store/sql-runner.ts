/**
 * SQL runner: statements of a guest on one connection, each request in one
 * transaction that is kept whole or not at all. Bounds what a result may hold
 * while it is read, row by row. Synchronous and unbounded in time: lives on a
 * thread that can be given up (sql-threads.ts).
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { fail, ok, type Result } from "../base/result.ts";
import { openDatabase } from "./database.ts";
import { authorize, SQL_DATABASE, SQL_RESULT_MAX_BYTES, SQL_ROWS_MAX } from "./sql-guard.ts";
import { primaryCode, SQLITE } from "./sqlite-codes.ts";
import { type StoreFault, storeFault } from "./store-fault.ts";

export type SqlCell = null | number | bigint | string | Uint8Array;
export type SqlBindings = readonly SqlCell[] | Readonly<Record<string, SqlCell>>;

export interface SqlRequest {
  /** "script": all statements of each text, without parameters or results. */
  readonly form: "query" | "batch" | "script";
  readonly statements: readonly { readonly sql: string; readonly params?: SqlBindings | undefined }[];
}

export interface SqlRows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly SqlCell[])[];
  readonly changes: number;
  readonly lastInsertRowid: number | bigint;
}

export type SqlFault = StoreFault | { readonly code: "SQL_FAILED" | "TOO_LARGE"; readonly message: string };

export type SqlReply = Result<readonly SqlRows[], SqlFault>;

const REFUSED =
  "ATTACH, transactions of its own, temporary tables, VACUUM and most PRAGMAs are not for functions; several statements: batch or exec";

class Refusal extends Error {
  readonly fault: SqlFault;

  constructor(fault: SqlFault) {
    super(fault.message);
    this.fault = fault;
  }
}

export class SqlRunner {
  readonly #file: string;
  #database: DatabaseSync | null = null;
  #totals: StatementSync | null = null;

  constructor(file: string) {
    this.#file = file;
  }

  serve({ form, statements }: SqlRequest): SqlReply {
    try {
      const database = this.#opened();
      // A batch takes the write lock at once: a reader that turned writer midway could only fail.
      begin(database, form === "query" ? "BEGIN" : "BEGIN IMMEDIATE");
      try {
        const value = statements.flatMap(({ sql, params }) =>
          form === "script" ? this.#script(sql) : [this.#statement(sql, params ?? [])],
        );
        begin(database, "COMMIT");
        return ok(value);
      } catch (error) {
        // A full disk may have undone it already.
        if (database.isTransaction) begin(database, "ROLLBACK");
        throw error;
      }
    } catch (error) {
      return fail(faultOf(this.#file, error));
    }
  }

  #opened(): DatabaseSync {
    if (this.#database === null) {
      const database = openDatabase(this.#file, SQL_DATABASE);
      this.#totals = database.prepare("SELECT total_changes() AS changes, last_insert_rowid() AS rowid");
      this.#totals.setReadBigInts(true);
      database.setAuthorizer(authorize);
      this.#database = database;
    }
    return this.#database;
  }

  #statement(sql: string, params: SqlBindings): SqlRows {
    const statement = this.#database!.prepare(sql);
    const rest = sql.slice(statement.sourceSQL.length);
    if (!isEmpty(this.#database!, rest))
      throw new Refusal({ code: "SQL_FAILED", message: "only one statement is accepted here: batch or exec take several" });
    const before = this.#total().changes;
    const { columns, rows } = readRows(statement, params);
    const after = this.#total();
    return { columns, rows, changes: Number(after.changes - before), lastInsertRowid: plain(after.rowid) as number | bigint };
  }

  #script(script: string): [] {
    let rest = script;
    while (!isEmpty(this.#database!, rest)) {
      const statement = this.#database!.prepare(rest);
      rest = rest.slice(statement.sourceSQL.length);
      for (const _row of statement.iterate());
    }
    return [];
  }

  #total(): { changes: bigint; rowid: bigint } {
    return this.#totals!.get() as { changes: bigint; rowid: bigint };
  }
}

/** Ours, not a guest's: the authorizer refuses transactions. */
function begin(database: DatabaseSync, sql: string): void {
  database.setAuthorizer(null);
  try {
    database.exec(sql);
  } finally {
    database.setAuthorizer(authorize);
  }
}

function readRows(statement: StatementSync, params: SqlBindings): { columns: string[]; rows: SqlCell[][] } {
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  const columns = statement.columns().map(({ name }) => name);
  const rows: SqlCell[][] = [];
  let bytes = 0;
  const found = Array.isArray(params)
    ? statement.iterate(...(params as SQLInputValue[]))
    : statement.iterate(params as Record<string, SQLInputValue>);
  for (const row of found as Iterable<unknown> as Iterable<SqlCell[]>) {
    const cells = row.map(plain);
    for (const cell of cells) bytes += sizeOf(cell);
    rows.push(cells);
    if (rows.length > SQL_ROWS_MAX || bytes > SQL_RESULT_MAX_BYTES) {
      const message = `the result has more than ${SQL_ROWS_MAX} rows or ${SQL_RESULT_MAX_BYTES} bytes: ask for less at a time (LIMIT)`;
      throw new Refusal({ code: "TOO_LARGE", message });
    }
  }
  return { columns, rows };
}

function plain(cell: SqlCell): SqlCell {
  return typeof cell === "bigint" && cell >= Number.MIN_SAFE_INTEGER && cell <= Number.MAX_SAFE_INTEGER ? Number(cell) : cell;
}

function sizeOf(cell: SqlCell): number {
  if (typeof cell === "string") return 8 + cell.length * 2;
  return cell instanceof Uint8Array ? 64 + cell.length : 16;
}

/** Spaces and comments: SQLite itself says that they hold no statement. */
function isEmpty(database: DatabaseSync, sql: string): boolean {
  if (sql.trim() === "") return true;
  try {
    database.prepare(sql);
    return false;
  } catch (error) {
    return (error as { code?: string }).code === "ERR_INVALID_ARG_VALUE";
  }
}

function faultOf(file: string, error: unknown): SqlFault {
  if (error instanceof Refusal) return error.fault;
  const { message } = error as Error;
  const primary = primaryCode(error);
  if (primary === SQLITE.tooBig) return { code: "TOO_LARGE", message: `${message}: a value, row or statement passes its limit` };
  if (primary === SQLITE.auth) return { code: "SQL_FAILED", message: `${message}. ${REFUSED}` };
  return storeFault(`Cannot run a statement in ${file}`, error) ?? { code: "SQL_FAILED", message };
}
