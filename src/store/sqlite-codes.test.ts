import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { primaryCode, SQLITE } from "./sqlite-codes.ts";

function errorOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return assert.fail("nothing was thrown");
}

test("an extended code of SQLite's is told by its primary one", () => {
  assert.equal(primaryCode({ code: "ERR_SQLITE_ERROR", errcode: SQLITE.ioError | (3 << 8) }), SQLITE.ioError);
  assert.equal(primaryCode({ code: "ERR_SQLITE_ERROR", errcode: SQLITE.busy | (2 << 8) }), SQLITE.busy);
});

test("a real error of SQLite's has its code, and other errors have none", () => {
  using database = new DatabaseSync(":memory:");
  database.exec("PRAGMA query_only = 1");
  assert.equal(primaryCode(errorOf(() => database.exec("CREATE TABLE t (x)"))), SQLITE.readOnly);
  assert.equal(primaryCode(Object.assign(new Error("busy"), { code: "EBUSY", errcode: SQLITE.busy })), null);
  assert.equal(primaryCode(errorOf(() => database.prepare("SELECT 1").get(Symbol() as never))), null);
});
