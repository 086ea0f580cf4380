/** What a start may answer without the page thread, and what it may not. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import type { PolicyConfig } from "../../config/mirror-config.ts";
import type { Policy } from "../policy/policy.ts";
import type { ProjectPage } from "../simple/project-page.ts";
import { PageService, type PageSource } from "./page-service.ts";
import { ReadyPages } from "./ready-pages.ts";

const NONE: PolicyConfig = { mode: "enforce", rules: [], cooldownMs: 0, cooldownExempt: [] };
const COOLDOWN: PolicyConfig = { ...NONE, cooldownMs: 1 };
const URL_OF_INDEX = "http://index.example/simple/";
const MADE_MS = 1_000;
const SHOWN_MS = 5_000;

const SHOWS_ALL: Policy = { isActive: false, judge: () => ({ visible: true, hiddenBy: null }) };
const HIDES_FOR_A_WHILE: Policy = {
  isActive: true,
  judge: () => ({ visible: false, hiddenBy: { kind: "cooldown", rule: "cooldown", reason: "young", sinceMs: null, untilMs: SHOWN_MS } }),
};

function bench(t: TestContext, config = NONE, policy = SHOWS_ALL) {
  const folder = mkdtempSync(join(tmpdir(), "pilotlight-ready-pages-"));
  const file = join(folder, "pages.sqlite");
  const service = new PageService({ file, policy: config, pageMaxBytes: 1_000_000 }, policy);
  t.after(() => {
    service.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const reads = (under = config) => {
    const ready = new ReadyPages(file, under);
    t.after(() => ready.close());
    return ready;
  };
  const adopt = (versions: readonly string[]): Extract<PageSource, { kind: "kept" }> => {
    const { contentHash } = service.adopt(pageOf(versions), URL_OF_INDEX, "index", MADE_MS)!;
    return { kind: "kept", project: "one", url: URL_OF_INDEX, index: "index", contentHash };
  };
  return { file, service, reads, adopt };
}

test("a form that was made once is there for the next start, with its tag", async (t) => {
  const { service, reads, adopt } = bench(t);
  const source = adopt(["1.0"]);
  const made = await service.render(source, "json", "gzip", MADE_MS);
  const ready = reads();
  assert.deepEqual(ready.look("one"), service.look("one"));
  assert.deepEqual({ ...ready.form(source, "json", "gzip", MADE_MS) }, made);
  assert.equal(ready.projectCount(), 1);
  assert.equal(ready.form(source, "json", "identity", MADE_MS), null);
  assert.equal(ready.look("two"), null);
});

test("a form of a page that became another is no form of it", async (t) => {
  const { service, reads, adopt } = bench(t);
  const old = adopt(["1.0"]);
  await service.render(old, "json", "gzip", MADE_MS);
  const source = adopt(["1.0", "2.0"]);
  assert.equal(reads().form(source, "json", "gzip", MADE_MS), null);
  await service.render(source, "json", "gzip", MADE_MS);
  assert.notEqual(reads().form(source, "json", "gzip", MADE_MS), null);
  assert.equal(reads().form(old, "json", "gzip", MADE_MS), null);
});

test("under another policy what was made is not shown", async (t) => {
  const { service, reads, adopt } = bench(t);
  const source = adopt(["1.0"]);
  await service.render(source, "json", "gzip", MADE_MS);
  assert.equal(reads(COOLDOWN).form(source, "json", "gzip", MADE_MS), null);
});

test("a form is shown from when it was made until the policy shows more", async (t) => {
  const { service, reads, adopt } = bench(t, COOLDOWN, HIDES_FOR_A_WHILE);
  const source = adopt(["1.0"]);
  await service.render(source, "json", "gzip", MADE_MS);
  const ready = reads();
  assert.notEqual(ready.form(source, "json", "gzip", SHOWN_MS - 1), null);
  assert.equal(ready.form(source, "json", "gzip", SHOWN_MS), null);
  // The clock was put back: what is shown now may have been hidden then.
  assert.equal(ready.form(source, "json", "gzip", MADE_MS - 1), null);
});

test("what the packages' folder has is never read from the database", async (t) => {
  const { service, reads } = bench(t);
  const own: PageSource = { kind: "own", page: pageOf(["1.0"]) };
  await service.render(own, "json", "gzip", MADE_MS);
  assert.equal(reads().form(own, "json", "gzip", MADE_MS), null);
});

test("a database that isn't there, is damaged, or is of an earlier version is left to the thread", async (t) => {
  const { file, service, reads, adopt } = bench(t);
  assert.equal(reads().look("one"), null);
  writeFileSync(file, "no database at all ".repeat(1_000));
  assert.equal(reads().look("one"), null);
  rmSync(file);
  const early = new DatabaseSync(file);
  early.exec(`CREATE TABLE answer (project TEXT NOT NULL, url TEXT NOT NULL, index_name TEXT NOT NULL, is_page INTEGER NOT NULL,
    checked_at INTEGER NOT NULL, etag TEXT, last_modified TEXT, is_forgotten INTEGER NOT NULL, hash TEXT NOT NULL, page BLOB,
    PRIMARY KEY (project, url)); PRAGMA user_version = 1;`);
  early.exec("INSERT INTO answer VALUES ('old', 'u', 'i', 0, 1, NULL, NULL, 0, '', NULL)");
  early.close();
  const ready = reads();
  assert.equal(ready.look("old"), null);
  const source = adopt(["1.0"]);
  assert.notEqual(await service.render(source, "json", "br", MADE_MS), null);
  assert.notEqual(ready.form(source, "json", "br", MADE_MS), null);
  assert.equal(ready.look("old")?.length, 1);
});

test("forms stay few: those made longest ago go", async (t) => {
  const { file, service, adopt } = bench(t);
  await service.render(adopt(["1.0"]), "json", "gzip", MADE_MS);
  const database = new DatabaseSync(file);
  t.after(() => database.close());
  database.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
    INSERT INTO page_form SELECT 'p' || i, 's', 'k', 0, NULL, 't', x'00' FROM n`);
  await service.render(adopt(["1.0"]), "json", "br", MADE_MS);
  assert.equal(database.prepare("SELECT COUNT(*) AS count FROM page_form").get()!["count"], 5_000);
  assert.equal(database.prepare("SELECT COUNT(*) AS count FROM page_form WHERE project = 'one'").get()!["count"], 1);
});

function pageOf(versions: readonly string[]): ProjectPage {
  const files = versions.map((version) => ({
    filename: `one-${version}.tar.gz`,
    url: `http://index.example/one-${version}.tar.gz`,
    hashes: { sha256: "0".repeat(64) },
    requiresPython: null,
    sizeBytes: 10,
    uploadTime: null,
    yanked: false,
    coreMetadata: false,
    gpgSignature: null,
    provenance: null,
  }));
  return { name: "one", versions, files, status: null, tracks: [], alternateLocations: [], lastSerial: null };
}
