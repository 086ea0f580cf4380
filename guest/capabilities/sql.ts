/** env.SQL: an SQLite database. Rows are objects; values are always bound, never pasted into the text. */
import type { Cloneable } from "../bridge.ts";
import { ask, bytesOf, named } from "./capability.ts";

type Params = readonly unknown[] | Readonly<Record<string, unknown>>;

interface Raw {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
  readonly changes: number;
  readonly lastInsertRowid: number | bigint;
}

export const sql = named((name) => {
  const query = async (text: string, params?: Params): Promise<Raw> => (await ask("sql.query", name, text, bound(params))) as Raw;
  return {
    async query(text: string, params?: Params) {
      return rowsOf(await query(text, params));
    },
    async get(text: string, params?: Params) {
      return rowsOf(await query(text, params))[0] ?? null;
    },
    async run(text: string, params?: Params) {
      const { changes, lastInsertRowid } = await query(text, params);
      return { changes, lastInsertRowid };
    },
    async batch(statements: readonly (string | { readonly sql: string; readonly params?: Params })[]) {
      if (!Array.isArray(statements)) throw new TypeError("a batch is an array of statements");
      const asked = Array.from(statements, (one) => (typeof one === "string" ? { sql: one } : { sql: one.sql, params: bound(one.params) }));
      const results = (await ask("sql.batch", name, asked)) as Raw[];
      return results.map((raw) => ({ rows: rowsOf(raw), changes: raw.changes, lastInsertRowid: raw.lastInsertRowid }));
    },
    async exec(script: string) {
      await ask("sql.exec", name, script);
    },
  };
});

function rowsOf({ columns, rows }: Raw): Record<string, unknown>[] {
  return rows.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index]])));
}

function bound(params: Params | undefined): Cloneable {
  if (params === undefined) return undefined;
  if (Array.isArray(params)) return params.map(crossing);
  return Object.fromEntries(Object.entries(params).map(([key, value]) => [key, crossing(value)]));
}

function crossing(value: unknown): Cloneable {
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return bytesOf(value, "a parameter");
  if (typeof value === "function" || typeof value === "symbol" || value === undefined) {
    throw new TypeError(`a parameter must be null, a number, a bigint, a string, a boolean or bytes, not ${typeof value}`);
  }
  return value as Cloneable;
}
