import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { MIB } from "../../base/units.ts";
import { contentHashOf, type KeptAnswer } from "./kept-answer.ts";
import { PageShelf } from "./page-shelf.ts";
import { pagesFile } from "./pages-database.ts";

const URL_OF_INDEX = "https://index.example/simple/";

function shelfOf(t: TestContext, maxBytes?: number): PageShelf {
  const folder = mkdtempSync(join(tmpdir(), "pilotlight-shelf-"));
  const shelf = new PageShelf(pagesFile(folder), maxBytes);
  t.after(() => {
    shelf.close();
    rmSync(folder, { recursive: true });
  });
  return shelf;
}

function put(shelf: PageShelf, project: string, content: string, checkedAtMs: number): boolean {
  const known = { url: URL_OF_INDEX, index: "index-1", isPage: true, checkedAtMs, isForgotten: false, etag: null, lastModified: null };
  const answer: KeptAnswer = { ...known, contentHash: contentHashOf(content) };
  return shelf.write(({ answers }) => answers.put(project, answer, content));
}

test("a database that is full makes room for what is newer", (t) => {
  const shelf = shelfOf(t, 8 * MIB);
  const content = Array.from({ length: 3_000 }, () => randomBytes(3_000).toString("hex"));
  for (const [index, text] of content.entries()) assert.equal(put(shelf, `p${index}`, text, index), true, `page ${index}`);
  const has = (project: string) => shelf.read([], ({ answers }) => answers.of(project)).length;
  assert.deepEqual([has("p0"), has("p2999")], [0, 1]);
  assert.ok(shelf.projectCount > 0 && shelf.projectCount < 3_000);
  assert.deepEqual([...new Set(shelf.takeFaults().map(({ code }) => code))], ["STORAGE_FULL"]);
});

test("what is larger than the whole database is not kept, which is said, and the next is", (t) => {
  const shelf = shelfOf(t, MIB);
  assert.equal(put(shelf, "small", "x", 1), true);
  assert.equal(put(shelf, "large", randomBytes(2 * MIB).toString("hex"), 2), false);
  assert.match(shelf.takeFaults()[0]!.message, /pages\.sqlite: the disk is full, or the file has reached its limit/);
  assert.equal(put(shelf, "small", "y", 3), true);
});

test("after close nothing opens it again", (t) => {
  const shelf = shelfOf(t);
  assert.equal(put(shelf, "p", "x", 1), true);
  shelf.close();
  assert.equal(put(shelf, "p", "x", 1), false);
  assert.equal(
    shelf.read("none", () => "some"),
    "none",
  );
});
