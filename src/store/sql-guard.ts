/**
 * SQL guard: which statements of a guest SQLite may prepare. Node's permission
 * model does not see what SQLite opens, so this authorizer is the wall that
 * keeps a database to its own file. Whatever is not listed is refused, new
 * actions of later SQLite versions among them (sqlite.org/c3ref/c_alter_table.html).
 */
import { constants } from "node:sqlite";
import { GIB, KIB, MIB } from "../base/units.ts";
import type { DatabaseKind } from "./database.ts";

export const SQL_STATEMENT_MAX_LENGTH = 256 * KIB;
export const SQL_VALUE_MAX_BYTES = 4 * MIB;
export const SQL_ROWS_MAX = 10_000;
export const SQL_RESULT_MAX_BYTES = 8 * MIB;
export const SQL_DATABASE_MAX_BYTES = 4 * GIB;
export const SQL_PARAMETERS_MAX = 1_000;

export const SQL_DATABASE: DatabaseKind = {
  schema: "",
  version: null,
  synchronous: "normal",
  maxBytes: SQL_DATABASE_MAX_BYTES,
  guard: {
    // Below the time a statement may take, so that waiting is told as that.
    busyTimeoutMs: 1_000,
    limits: {
      length: SQL_VALUE_MAX_BYTES,
      sqlLength: SQL_STATEMENT_MAX_LENGTH * 3,
      column: 500,
      exprDepth: 200,
      compoundSelect: 100,
      functionArg: 100,
      attach: 0,
      likePatternLength: 1_000,
      variableNumber: SQL_PARAMETERS_MAX,
      triggerDepth: 50,
    },
  },
};

const ALLOWED: ReadonlySet<number> = new Set([
  constants.SQLITE_CREATE_INDEX,
  constants.SQLITE_CREATE_TABLE,
  constants.SQLITE_CREATE_TRIGGER,
  constants.SQLITE_CREATE_VIEW,
  constants.SQLITE_DELETE,
  constants.SQLITE_DROP_INDEX,
  constants.SQLITE_DROP_TABLE,
  constants.SQLITE_DROP_TRIGGER,
  constants.SQLITE_DROP_VIEW,
  constants.SQLITE_DROP_VTABLE,
  constants.SQLITE_INSERT,
  constants.SQLITE_READ,
  constants.SQLITE_SELECT,
  constants.SQLITE_UPDATE,
  constants.SQLITE_ALTER_TABLE,
  constants.SQLITE_REINDEX,
  constants.SQLITE_ANALYZE,
  constants.SQLITE_RECURSIVE,
]);
/** These look; the others change how the database is kept, or what the connection does for whoever is next. */
const PRAGMAS: ReadonlySet<string> = new Set(
  "table_info table_xinfo table_list index_list index_info index_xinfo foreign_key_list foreign_key_check integrity_check quick_check data_version".split(
    " ",
  ),
);
/** Of a guest's own schema: free to set. */
const OWN_PRAGMAS: ReadonlySet<string> = new Set(["user_version", "defer_foreign_keys"]);
const VIRTUAL_TABLES: ReadonlySet<string> = new Set(["fts5", "rtree", "rtree_i32", "geopoly"]);
const REFUSED_FUNCTIONS: ReadonlySet<string> = new Set(["load_extension", "fts3_tokenizer"]);

/** What may be said of the temporary schema, which is the connection's and so the next function's: ALTER TABLE looks into it. */
const OF_TEMPORARY: ReadonlySet<number> = new Set([
  constants.SQLITE_READ,
  constants.SQLITE_SELECT,
  constants.SQLITE_UPDATE,
  constants.SQLITE_FUNCTION,
]);

export function authorize(action: number, first: string | null, second: string | null, schema: string | null): number {
  if (schema === "temp" && !OF_TEMPORARY.has(action)) return constants.SQLITE_DENY;
  return isAllowed(action, first?.toLowerCase() ?? "", second?.toLowerCase() ?? "") ? constants.SQLITE_OK : constants.SQLITE_DENY;
}

function isAllowed(action: number, first: string, second: string): boolean {
  switch (action) {
    case constants.SQLITE_PRAGMA:
      return PRAGMAS.has(first) || OWN_PRAGMAS.has(first);
    case constants.SQLITE_FUNCTION:
      return !REFUSED_FUNCTIONS.has(second);
    case constants.SQLITE_CREATE_VTABLE:
      return VIRTUAL_TABLES.has(second);
    default:
      return ALLOWED.has(action);
  }
}
