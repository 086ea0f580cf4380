import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { PlacedContent } from "./content-store.ts";
import { type Arrival, CONTENT_DATABASE, CONTENT_SQL, ContentTable, type Journal } from "./content-table.ts";

const EMPTY: Journal = { uses: [], verified: [], gone: [] };
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

function newTable(): { readonly database: DatabaseSync; readonly table: ContentTable } {
  const database = new DatabaseSync(":memory:");
  database.exec(CONTENT_DATABASE.schema);
  return { database, table: new ContentTable(database) };
}

function content(name: string, sizeBytes = 100): PlacedContent {
  return { sha256: name, sizeBytes, place: `files/${name}` };
}

function arrival(name: string, used: number, sizeBytes = 100, verifiedAtMs = 0): Arrival {
  return { ...content(name, sizeBytes), used, verifiedAtMs };
}

function looseOf(table: ContentTable): string[] {
  return table.loose().map(({ place, state }) => `${state} ${place}`);
}

test("what arrives is counted, and is loose no more; what goes is counted off", () => {
  const { table } = newTable();
  table.note([{ ...content("a"), state: "arriving", origin: "", notedAtMs: 1 }]);
  assert.deepEqual(table.settle(arrival("a", 1), EMPTY, NO_LIMIT, 2).total, { fileCount: 1, sizeBytes: 100 });
  assert.deepEqual(table.find("a"), content("a"));
  assert.deepEqual(looseOf(table), []);
  // An acknowledgement that was lost may be asked for again.
  assert.deepEqual(table.settle(arrival("a", 2), EMPTY, NO_LIMIT, 2).total, { fileCount: 1, sizeBytes: 100 });
  assert.deepEqual(table.drop("a", null, 3), { dropped: content("a"), total: { fileCount: 0, sizeBytes: 0 } });
  assert.deepEqual(table.drop("a", null, 3).dropped, null);
  assert.deepEqual(looseOf(table), ["leaving files/a"]);
  table.keepUp({ ...EMPTY, gone: ["files/a"] }, NO_LIMIT, 4);
  assert.deepEqual(looseOf(table), []);
});

test("the least used leave until the sum fits, by uses of the same transaction, too", () => {
  const { table } = newTable();
  for (const [index, name] of ["a", "b", "c", "d"].entries()) table.settle(arrival(name, index + 1), EMPTY, NO_LIMIT, 0);
  const { evicted, total } = table.keepUp({ ...EMPTY, uses: [["a", 9]] }, 250, 5);
  assert.deepEqual(evicted, [content("b"), content("c")]);
  assert.deepEqual(total, { fileCount: 2, sizeBytes: 200 });
  assert.deepEqual(looseOf(table), ["leaving files/b", "leaving files/c"]);
  assert.equal(table.newestUse(), 9);
});

test("a use that is older than the one that is known changes nothing", () => {
  const { table } = newTable();
  table.settle(arrival("a", 5), EMPTY, NO_LIMIT, 0);
  table.keepUp(
    {
      ...EMPTY,
      uses: [
        ["a", 3],
        ["unknown", 4],
      ],
    },
    NO_LIMIT,
    0,
  );
  assert.equal(table.newestUse(), 5);
});

test("one transaction evicts a bounded number, and says what is left", () => {
  const { table } = newTable();
  for (let count = 0; count < 600; count++) table.settle(arrival(`c${count}`, count + 1, 1), EMPTY, NO_LIMIT, 0);
  const first = table.keepUp(EMPTY, 10, 0);
  assert.deepEqual([first.evicted.length, first.total.sizeBytes], [500, 100]);
  assert.deepEqual([table.keepUp(EMPTY, 10, 0).evicted.length, table.total().sizeBytes], [90, 10]);
});

test("what was verified longest ago is due first; then what was verified in a time to come", () => {
  const { table } = newTable();
  for (const [name, atMs] of [
    ["old", 10],
    ["older", 5],
    ["fresh", 90],
    ["ahead", 1_000],
  ] as const)
    table.settle(arrival(name, 1, 1, atMs), EMPTY, NO_LIMIT, 0);
  const due = () => table.dueForCheck(50, 100, 10).map(({ sha256 }) => sha256);
  assert.deepEqual(due(), ["older", "old"]);
  table.keepUp(
    {
      ...EMPTY,
      verified: [
        ["older", 100],
        ["old", 100],
      ],
    },
    NO_LIMIT,
    0,
  );
  assert.deepEqual(due(), ["ahead"]);
  table.keepUp({ ...EMPTY, verified: [["ahead", 100]] }, NO_LIMIT, 0);
  assert.deepEqual(due(), []);
});

test("what is quarantined is known with the place it comes from", () => {
  const { table } = newTable();
  table.settle(arrival("a", 1), EMPTY, NO_LIMIT, 0);
  table.drop("a", "quarantine/a.1", 7);
  assert.deepEqual(table.loose(), [
    { place: "quarantine/a.1", state: "quarantined", sha256: "a", sizeBytes: 100, origin: "files/a", notedAtMs: 7 },
  ]);
});

test("no statement looks at every file: a start with 100,000 of them is as fast as with none", () => {
  const { database } = newTable();
  for (const [name, sql] of Object.entries(CONTENT_SQL)) {
    // `loose` is short; an eviction walks the index of uses from its old end, and stops.
    if (name === "loose" || name === "leastUsed" || name === "total") continue;
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all();
    for (const { detail } of plan) assert.doesNotMatch(String(detail), /^SCAN|TEMP B-TREE/, `${name}: ${detail}`);
  }
  const walk = database.prepare(`EXPLAIN QUERY PLAN ${CONTENT_SQL.leastUsed}`).all();
  assert.deepEqual(
    walk.map(({ detail }) => detail),
    ["SCAN content USING INDEX content_by_use"],
  );
});
