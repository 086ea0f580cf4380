import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { AnswerTable } from "./answer-table.ts";
import { contentHashOf, type KeptAnswer, LIST } from "./kept-answer.ts";
import { openPagesDatabase, PAGES_MAX_BYTES, pagesFile } from "./pages-database.ts";

const [FIRST, SECOND] = ["https://one.index.example/simple/", "https://two.index.example/simple/"];

function table(t: TestContext): { answers: AnswerTable; database: DatabaseSync } {
  const folder = mkdtempSync(join(tmpdir(), "pilotlight-answers-"));
  const { database } = openPagesDatabase(pagesFile(folder), PAGES_MAX_BYTES);
  t.after(() => {
    database.close();
    rmSync(folder, { recursive: true });
  });
  return { answers: new AnswerTable(database), database };
}

function answer(url: string, content: string | null, checkedAtMs = 1_000): KeptAnswer {
  const contentHash = content === null ? "" : contentHashOf(content);
  return { url, index: "index-1", isPage: content !== null, checkedAtMs, isForgotten: false, etag: '"a"', lastModified: null, contentHash };
}

test("an answer is read back as it was put, confirmed and forgotten", (t) => {
  const { answers } = table(t);
  const page = answer(FIRST, "content");
  answers.put("p", page, "content");
  assert.deepEqual(answers.of("p"), [page]);
  assert.equal(answers.content("p", FIRST, page.contentHash), "content");
  assert.equal(answers.content("p", FIRST, "another"), null);
  assert.equal(answers.forget("p"), true);
  assert.deepEqual(answers.of("p"), [{ ...page, isForgotten: true }]);
  const confirmed = { ...page, checkedAtMs: 2_000, etag: '"b"' };
  answers.confirm("p", confirmed);
  assert.deepEqual(answers.of("p"), [confirmed]);
  assert.equal(answers.forget("q"), false);
});

test("a project has one page: that of another index goes, and that the first has none stays", (t) => {
  const { answers } = table(t);
  answers.put("p", answer(FIRST, null), null);
  answers.put("p", answer(SECOND, "two"), "two");
  assert.deepEqual(
    answers
      .of("p")
      .map(({ url, isPage }) => [url, isPage])
      .sort(),
    [
      [FIRST, false],
      [SECOND, true],
    ],
  );
  answers.put("p", answer(FIRST, "one"), "one");
  assert.deepEqual(
    answers.of("p").map(({ url, isPage }) => [url, isPage]),
    [[FIRST, true]],
  );
});

test("projects that have a page are counted, the list of all is none", (t) => {
  const { answers, database } = table(t);
  answers.put(LIST, answer(FIRST, "names"), "names");
  answers.put("p", answer(FIRST, "one"), "one");
  answers.put("p", answer(FIRST, "two"), "two");
  answers.put("q", answer(FIRST, null), null);
  answers.put("r", answer(SECOND, "one"), "one");
  assert.equal(answers.projectCount, 2);
  answers.put("r", answer(SECOND, null), null);
  assert.equal(answers.projectCount, 1);
  assert.equal(new AnswerTable(database).projectCount, 1);
});

test("a page that rotted in its database is none, and is gone", (t) => {
  const { answers, database } = table(t);
  for (const rot of [Buffer.from("no zstd"), null]) {
    const page = answer(FIRST, "content");
    answers.put("p", page, "content");
    if (rot === null) answers.put("p", page, "other content");
    else database.prepare("UPDATE answer SET page = ?").run(rot);
    assert.equal(answers.content("p", FIRST, page.contentHash), null);
    assert.deepEqual(answers.of("p"), []);
  }
});

test("names that no index has are kept up to a bound; what tells whose page another one is stays", (t) => {
  const { answers, database } = table(t);
  answers.put("owned", answer(FIRST, null, 1), null);
  answers.put("owned", answer(SECOND, "page", 1), "page");
  database.exec("BEGIN");
  for (let index = 0; index < 102_000; index++) answers.put(`made-up-${index}`, answer(FIRST, null, 1_000 + index), null);
  database.exec("COMMIT");
  const { count } = database.prepare("SELECT COUNT(*) AS count FROM answer WHERE is_page = 0").get() as { count: number };
  assert.ok(count <= 101_000, `${count} names`);
  assert.equal(answers.of("made-up-0").length, 0);
  assert.equal(answers.of("made-up-101999").length, 1);
  assert.equal(answers.of("owned").length, 2);
});

test("when the database is full, the pages go that were checked longest ago", (t) => {
  const { answers } = table(t);
  answers.put(LIST, answer(FIRST, "names", 0), "names");
  for (let index = 0; index < 1_500; index++) answers.put(`p${index}`, answer(FIRST, "page", index), "page");
  assert.equal(answers.makeRoom(), true);
  assert.deepEqual([answers.projectCount, answers.of("p999").length, answers.of("p1000").length, answers.of(LIST).length], [500, 0, 1, 1]);
  assert.equal(answers.makeRoom(), true);
  assert.equal(answers.makeRoom(), false);
});
