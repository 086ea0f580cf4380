/**
 * SQL capability: one SQLite database for each name. What statements may do is
 * decided by src/store/sql-guard.ts, how long by sql-threads.ts; this file
 * checks what the guest binds.
 */
import { ok } from "../base/result.ts";
import { SQL_PARAMETERS_MAX, SQL_STATEMENT_MAX_LENGTH, SQL_VALUE_MAX_BYTES } from "../store/sql-guard.ts";
import type { SqlRequest } from "../store/sql-runner.ts";
import type { SqlCapability, SqlParams, SqlResult, SqlValue } from "./capabilities.ts";
import type { CapabilityBase, Hold } from "./capability-host.ts";
import { checkedBytes, checkedText, invalid, tooLarge } from "./check-arguments.ts";

export const SQL_STATEMENTS_MAX = 1_000;
const INT64_LIMIT = 2n ** 63n;
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

export function sqlCapability({ functionId, store, allowed, attempt }: CapabilityBase): SqlCapability {
  const run = (database: string | null, form: SqlRequest["form"], statements: (hold: Hold) => SqlRequest["statements"]) =>
    attempt(async (hold) => store.sql.run(functionId, allowed("sql", database), form, statements(hold)));
  return {
    query: async (database, sql, params) => {
      const results = await run(database, "query", (hold) => [{ sql: checkedSql(sql, hold), params: checkedParams(params, hold) }]);
      return results.ok ? ok(results.value[0] as SqlResult) : results;
    },
    batch: (database, statements) =>
      run(database, "batch", (hold) => {
        if (!Array.isArray(statements)) throw invalid("a batch must be a list of statements");
        if (statements.length > SQL_STATEMENTS_MAX) throw tooLarge(`a batch may have ${SQL_STATEMENTS_MAX} statements`);
        return statements.map((statement) => ({ sql: checkedSql(statement?.sql, hold), params: checkedParams(statement.params, hold) }));
      }),
    exec: async (database, script) => {
      const done = await run(database, "script", (hold) => [{ sql: checkedSql(script, hold) }]);
      return done.ok ? ok(undefined) : done;
    },
  };
}

function checkedSql(sql: unknown, hold: Hold): string {
  const text = checkedText(sql, "a statement", SQL_STATEMENT_MAX_LENGTH);
  // SQLite would stop reading there, and what follows be dropped silently.
  if (text.includes("\0")) throw invalid("a statement must not contain a NUL");
  hold(text.length);
  return text;
}

function checkedParams(params: SqlParams | undefined, hold: Hold): SqlParams {
  if (params === undefined || params === null) return [];
  if (typeof params !== "object" || ArrayBuffer.isView(params)) throw invalid("parameters must be a list, or names and values");
  const count = Array.isArray(params) ? params.length : Object.keys(params).length;
  if (count > SQL_PARAMETERS_MAX) throw tooLarge(`a statement may have ${SQL_PARAMETERS_MAX} parameters`);
  if (Array.isArray(params))
    return Array.from(params as readonly unknown[], (value, index) => checkedValue(value, `parameter ${index + 1}`, hold));
  // Without a prototype: a parameter may be called __proto__.
  const named: Record<string, SqlValue> = Object.create(null);
  for (const [name, value] of Object.entries(params)) {
    if (!NAME.test(name)) throw invalid("a parameter's name must be letters, digits and _, without its sign");
    named[name] = checkedValue(value, `parameter ${name}`, hold);
  }
  return named;
}

function checkedValue(value: unknown, what: string, hold: Hold): SqlValue {
  switch (typeof value) {
    case "string":
      if (value.length > SQL_VALUE_MAX_BYTES) throw tooLarge(`${what} may have ${SQL_VALUE_MAX_BYTES} bytes`);
      hold(value.length);
      return value;
    case "number":
      return value;
    case "boolean":
      return value ? 1 : 0;
    case "bigint":
      if (value < -INT64_LIMIT || value >= INT64_LIMIT) throw invalid(`${what} does not fit 64 bits`);
      return value;
    default:
      return value === null ? null : checkedBytes(value, what, SQL_VALUE_MAX_BYTES, hold);
  }
}
