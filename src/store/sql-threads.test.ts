import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { SqlBindings } from "./sql-runner.ts";
import { SqlThreads } from "./sql-threads.ts";

/** No machine is so busy that an ended statement, which only looks up late, is taken for a stuck one. */
const STUCK_NEVER_MS = 600_000;

const root = mkdtempSync(join(tmpdir(), "pilotlight-sql-"));
const dataDir = join(root, "data");
const onStuck = () => assert.fail("a statement is stuck");
const threads = new SqlThreads({ dataDir, stuckAfterMs: STUCK_NEVER_MS, onStuck });
after(async () => {
  await threads.close();
  rmSync(root, { recursive: true });
});

/** Rows, or the code and message of the refusal. */
async function query(sql: string, params: SqlBindings = [], database = "main", from = threads): Promise<unknown> {
  const result = await from.run("f", database, "query", [{ sql, params }]);
  return result.ok ? result.value[0]!.rows : `${result.failure.code} ${result.failure.message}`;
}

async function script(sql: string): Promise<string> {
  const result = await threads.run("f", "main", "script", [{ sql }]);
  return result.ok ? "done" : `${result.failure.code} ${result.failure.message}`;
}

test("statements that would leave their database, or change how it is kept, are refused", async () => {
  const elsewhere = join(root, "elsewhere.sqlite");
  for (const sql of [
    `ATTACH '${elsewhere}' AS other`,
    `ATTACH ':memory:' AS other`,
    "DETACH main",
    `VACUUM INTO '${elsewhere}'`,
    "VACUUM",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT s",
    "CREATE TEMP TABLE t (a)",
    "CREATE TABLE temp.t (a)",
    "CREATE VIEW temp.v AS SELECT 1",
    "CREATE TRIGGER temp.t AFTER INSERT ON a BEGIN SELECT 1; END",
    "INSERT INTO temp.sqlite_master VALUES (1, 2, 3, 4, 5)",
    "CREATE VIRTUAL TABLE t USING dbstat",
    "CREATE VIRTUAL TABLE t USING fts3(a, tokenize=x)",
    "SELECT load_extension('x')",
    "SELECT fts3_tokenizer('x', x'00')",
    "SELECT writefile('x', 'y')",
    "SELECT readfile('/etc/passwd')",
    "SELECT * FROM pragma_database_list",
    "UPDATE sqlite_master SET sql = 'x'",
    "INSERT INTO sqlite_sequence VALUES ('a', 1)",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA synchronous = OFF",
    "PRAGMA writable_schema = 1",
    "PRAGMA max_page_count = 4000000000",
    `PRAGMA temp_store_directory = '${root}'`,
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA busy_timeout = 100000",
    "PRAGMA mmap_size = 1000000000",
    "PRAGMA wal_checkpoint(TRUNCATE)",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA trusted_schema = ON",
    "PRAGMA main.journal_mode = OFF",
  ]) {
    assert.match(String(await query(sql)), /^SQL_FAILED /, sql);
    assert.match(await script(`SELECT 1; ${sql};`), /^SQL_FAILED /, sql);
  }
  assert.equal(existsSync(elsewhere), false);
  assert.deepEqual(readdirSync(root), ["data"]);
  assert.deepEqual(await query("PRAGMA integrity_check"), [["ok"]]);
});

test("a script or a batch is kept whole or not at all", async () => {
  assert.equal(
    await script("CREATE TABLE a (x); CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT 2; END; INSERT INTO a VALUES (1); -- end"),
    "done",
  );
  assert.match(await script("INSERT INTO a VALUES (2); INSERT INTO missing VALUES (1)"), /no such table: missing/);
  const batch = await threads.run("f", "main", "batch", [{ sql: "INSERT INTO a VALUES (3)" }, { sql: "SELECT * FROM missing" }]);
  assert.equal(batch.ok, false);
  assert.deepEqual(await query("SELECT x FROM a"), [[1]]);
});

test("values come back as they were bound, by position or by name", async () => {
  const values = [null, 1, -0.5, 2 ** 53 - 1, "'; DROP TABLE a; --", "é😀", 9_007_199_254_740_993n];
  assert.deepEqual(await query("SELECT ?, ?, ?, ?, ?, ?, ?", values), [values]);
  assert.deepEqual(await query("SELECT :a, @b, $c", { a: 1, b: "two", c: null }), [[1, "two", null]]);
  assert.deepEqual(await query("SELECT ?", [Buffer.from([0, 255])]), [[new Uint8Array([0, 255])]]);
  assert.match(String(await query("SELECT 1", [1])), /^SQL_FAILED /);
  assert.match(String(await query("SELECT :a", { b: 1 })), /^SQL_FAILED /);
});

test("full-text search, views and recursion work", async () => {
  assert.equal(
    await script(
      "CREATE VIRTUAL TABLE doc USING fts5(body); INSERT INTO doc VALUES ('a pilot light'); CREATE VIEW v AS SELECT upper(body) AS u FROM doc",
    ),
    "done",
  );
  assert.deepEqual(await query("SELECT u FROM v"), [["A PILOT LIGHT"]]);
  assert.deepEqual(await query("SELECT body FROM doc WHERE doc MATCH 'pilot'"), [["a pilot light"]]);
  assert.deepEqual(await query("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 5) SELECT sum(x) FROM c"), [[15]]);
});

test("two processes add to one row, and no update is lost", async () => {
  const other = new SqlThreads({ dataDir, stuckAfterMs: STUCK_NEVER_MS, onStuck });
  await query("CREATE TABLE sum (n)", [], "shared");
  await query("INSERT INTO sum VALUES (0)", [], "shared");
  const add = (from: SqlThreads) => query("UPDATE sum SET n = n + 1", [], "shared", from);
  await Promise.all(Array.from({ length: 200 }, (_, index) => add(index % 2 === 0 ? threads : other)));
  assert.deepEqual(await query("SELECT n FROM sum", [], "shared"), [[200]]);
  await other.close();
});

/** Asks until the one before has let go of the database, and a busy machine is quick enough for this one. */
async function served(sql: string, database: string, from: SqlThreads): Promise<unknown> {
  for (;;) {
    const answer = await query(sql, [], database, from);
    if (!/^(?:BUSY|SQL_TIMEOUT)/.test(String(answer))) return answer;
  }
}

test("a statement that takes too long is told so, nothing of it is kept, and the next ones are served", async () => {
  const short = new SqlThreads({ dataDir, timeMaxMs: 300, stuckAfterMs: STUCK_NEVER_MS, onStuck });
  await query("CREATE TABLE slow (x)", [], "slow");
  const values = Array.from({ length: 40 }, (_, index) => `(${index})`).join(",");
  await query(`INSERT INTO slow VALUES ${values}`, [], "slow");
  // Without a row nothing ends it but its own end, which a busy machine puts off by seconds.
  const endless = query("SELECT count(*) FROM slow a, slow b, slow c, slow d GROUP BY a.x, b.x HAVING count(*) < 0", [], "slow", short);
  const batch = short.run("f", "slow", "batch", [
    { sql: "INSERT INTO slow VALUES (-1)" },
    ...Array.from({ length: 900 }, () => ({ sql: "SELECT count(*) FROM slow a, slow b, slow c WHERE a.x + b.x + c.x = 7" })),
  ]);
  await endless;
  const outcome = await batch;
  assert.equal(outcome.ok ? "done" : outcome.failure.code, "SQL_TIMEOUT");
  // The ended thread may hold its transaction until it looks up.
  assert.deepEqual(await served("DELETE FROM slow WHERE x = -2", "slow", short), []);
  assert.deepEqual(await served("SELECT count(*) FROM slow WHERE x = -1", "slow", short), [[0]]);
  await short.close();
});

test("a statement that nothing can end is reported with the function that sent it", async () => {
  const reported = Promise.withResolvers<string>();
  const short = new SqlThreads({ dataDir, timeMaxMs: 500, stuckAfterMs: 100, onStuck: reported.resolve });
  // Ends by itself at last, so that this process can.
  const count = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 30000000) SELECT count(*) FROM c";
  const result = await short.run("culprit", "stuck", "query", [{ sql: count }]);
  assert.equal(result.ok ? "done" : result.failure.code, "SQL_TIMEOUT");
  assert.deepEqual(await served("SELECT 1", "stuck", short), [[1]]);
  assert.equal(await reported.promise, "culprit");
  await short.close();
});
