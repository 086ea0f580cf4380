import assert from "node:assert/strict";
import test from "node:test";
import { pageOf } from "../../../test/support/mirror-memory.ts";
import fc from "../../../test/support/properties.ts";
import { sha256 } from "../../base/sha256.ts";
import type { ProjectFile, ProjectPage } from "../simple/project-page.ts";
import { joinPages, parseBundledPage, trimPage } from "./bundled-page.ts";

const WHEEL = "demo-1.0-py3-none-any.whl";
const PAGE = pageOf("demo", [
  { filename: WHEEL, content: "wheel", metadata: "metadata" },
  { filename: "demo-2.0.tar.gz", content: "newer" },
]);

function trimmed(changes: Partial<ProjectFile> = {}): ProjectPage {
  const file = { ...PAGE.files[0]!, ...changes };
  return trimPage(PAGE, [{ file, sha256: sha256("wheel"), sizeBytes: 5, metadataSha256: sha256("metadata") }]);
}

test("a trimmed page lists what is in the bundle, with what its bytes are", () => {
  const page = trimmed({ hashes: { md5: "0".repeat(32) }, sizeBytes: null, coreMetadata: true });
  assert.deepEqual(page.files, [
    {
      ...PAGE.files[0],
      hashes: { md5: "0".repeat(32), sha256: sha256("wheel") },
      sizeBytes: 5,
      coreMetadata: { sha256: sha256("metadata") },
      gpgSignature: null,
      provenance: null,
    },
  ]);
  assert.deepEqual(page.versions, ["1.0"]);
});

test("a path of this machine, or an address with a password, is not told", () => {
  for (const url of [`file:/secret/${WHEEL}`, `http://user:password@index.example/${WHEEL}`])
    assert.equal(trimmed({ url }).files[0]!.url, `bundle:${WHEEL}`);
});

test("a trimmed page is read back as it was written", () => {
  const page = { ...trimmed({ yanked: "broken" }), status: { state: "archived", reason: null } };
  assert.deepEqual(parseBundledPage("demo", JSON.stringify(page)), { ok: true, value: page });
});

test("a page with anything that isn't as it should be is refused", () => {
  const broken = (changes: object) => JSON.stringify({ ...trimmed(), files: [{ ...trimmed().files[0], ...changes }] });
  for (const text of [
    "",
    "null",
    "[]",
    JSON.stringify({ ...trimmed(), name: "other" }),
    JSON.stringify({ ...trimmed(), files: [...trimmed().files, ...trimmed().files] }),
    JSON.stringify({ ...trimmed(), files: [null] }),
    broken({ filename: "../demo-1.0.tar.gz" }),
    broken({ filename: "other-1.0.tar.gz" }),
    broken({ filename: "demo-1.0.tar.gz\n" }),
    broken({ url: "file:/etc/passwd" }),
    broken({ url: "http://user:password@index.example/" }),
    broken({ url: "bundle:other" }),
    broken({ url: `http://files.example/${WHEEL}\u0000` }),
    broken({ url: `ht\ntp://files.example/${WHEEL}` }),
    broken({ url: `http://files.example/${"a".repeat(10_000)}` }),
    broken({ sizeBytes: -5 }),
    broken({ sizeBytes: 5.5 }),
    broken({ sizeBytes: "5" }),
    broken({ hashes: {} }),
    broken({ hashes: { sha256: "short" } }),
    broken({ hashes: { sha256: 3 } }),
    broken({ coreMetadata: true }),
    broken({ coreMetadata: null }),
  ])
    assert.equal(parseBundledPage("demo", text).ok, false, text);
});

test("what a page says beside is believed as little as an index's own word", () => {
  const odd = { requiresPython: ">=3\u0007", uploadTime: "2020-02-31T00:00:00Z", yanked: "bro\u001b[2Jken" };
  const status = { state: "Quarantined\n", reason: "\u0007why" };
  const read = parseBundledPage("demo", JSON.stringify({ ...trimmed(), status, files: [{ ...trimmed().files[0], ...odd }] }));
  assert.ok(read.ok);
  assert.deepEqual(read.value.status, { state: "quarantined", reason: "why" });
  const { requiresPython, uploadTime, yanked } = read.value.files[0]!;
  assert.deepEqual([requiresPython, uploadTime, yanked], [">=3", null, "bro[2Jken"]);
});

test("a page of more values than a page has is not even parsed", () => {
  const text = `{"name":"demo","files":[],"more":[${"0,".repeat(8_000_001)}0]}`;
  assert.equal(parseBundledPage("demo", text).ok, false);
});

test("no JSON makes the reader throw", () => {
  fc.assert(fc.property(fc.json(), (text) => void parseBundledPage("demo", text)));
  const field = fc.constantFrom("filename", "url", "hashes", "coreMetadata", "yanked", "sizeBytes", "uploadTime");
  fc.assert(
    fc.property(field, fc.jsonValue(), (name, value) => {
      parseBundledPage("demo", JSON.stringify({ ...trimmed(), files: [{ ...trimmed().files[0], [name]: value }] }));
    }),
  );
});

test("a page joined with a kept one adds files and completes what was not known", () => {
  const kept = pageOf("demo", [
    {
      filename: WHEEL,
      content: "wheel",
      changes: { hashes: { md5: "1".repeat(32) }, sizeBytes: null, coreMetadata: true, yanked: "since then" },
    },
    { filename: "demo-3.0.tar.gz", content: "newest" },
  ]);
  const bundled = trimPage(PAGE, [
    { file: PAGE.files[0]!, sha256: sha256("wheel"), sizeBytes: 5, metadataSha256: sha256("metadata") },
    { file: PAGE.files[1]!, sha256: sha256("newer"), sizeBytes: 5, metadataSha256: null },
  ]);
  const joined = joinPages({ ...kept, versions: ["1.0", "3.0"] }, bundled);
  assert.ok(joined.ok);
  assert.deepEqual(
    joined.value.files.map(({ filename }) => filename),
    [WHEEL, "demo-3.0.tar.gz", "demo-2.0.tar.gz"],
  );
  const { hashes, sizeBytes, coreMetadata, yanked } = joined.value.files[0]!;
  assert.deepEqual(
    { hashes, sizeBytes, coreMetadata, yanked },
    {
      hashes: { md5: "1".repeat(32), sha256: sha256("wheel") },
      sizeBytes: 5,
      coreMetadata: { sha256: sha256("metadata") },
      yanked: "since then",
    },
  );
  assert.deepEqual(joined.value.versions, ["1.0", "3.0", "2.0"]);
});

test("pages that tell different bytes for one name don't join", () => {
  const kept = pageOf("demo", [{ filename: WHEEL, content: "another wheel" }]);
  assert.deepEqual(joinPages(kept, trimmed()), { ok: false, failure: `${WHEEL} has other bytes than the mirror knows by that name` });
});

test("joining twice is joining once", () => {
  const once = joinPages(pageOf("demo", [{ filename: "demo-3.0.tar.gz", content: "x" }]), trimmed());
  assert.ok(once.ok);
  const twice = joinPages(once.value, trimmed());
  assert.equal(twice.ok && twice.value, once.value);
});
