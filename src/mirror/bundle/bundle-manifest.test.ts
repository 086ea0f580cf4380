import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../../test/support/properties.ts";
import { type BundleManifest, ENTRIES_MAX, manifestText, PAGES_MAX_BYTES, parseManifest } from "./bundle-manifest.ts";

const PAGE = { project: "demo", index: "index-1", fetchedAtMs: 1_000, sha256: "a".repeat(64), sizeBytes: 10 };
const CONTENT = { kind: "file", project: "demo", filename: "demo-1.0.tar.gz", sha256: "b".repeat(64), sizeBytes: 20 } as const;
const MANIFEST: BundleManifest = { created: "2026-11-21T12:00:00.000Z", pages: [PAGE], contents: [CONTENT] };

function faultOf(change: object): string | null {
  const parsed = parseManifest(manifestText({ ...MANIFEST, ...change } as BundleManifest));
  return parsed.ok ? null : parsed.failure;
}

const ofPage = (change: object): string | null => faultOf({ pages: [{ ...PAGE, ...change }] });
const ofContent = (change: object): string | null => faultOf({ contents: [{ ...CONTENT, ...change }] });

test("a manifest is read back as it was written", () => {
  assert.deepEqual(parseManifest(manifestText(MANIFEST)), { ok: true, value: MANIFEST });
});

test("sizes that nothing can have are refused", () => {
  for (const sizeBytes of [-1, 0.5, 8 ** 11, Number.MAX_SAFE_INTEGER, null, "10", [10]]) {
    assert.match(String(ofPage({ sizeBytes })), /no page and no file/, String(sizeBytes));
    assert.match(String(ofContent({ sizeBytes })), /no page and no file/, String(sizeBytes));
  }
  assert.match(String(ofPage({ sizeBytes: PAGES_MAX_BYTES + 1 })), /its pages have more than \d+ bytes/);
});

test("names that hold control characters, or turn the direction of writing, are refused", () => {
  for (const evil of ["\n", "\u001b[2J", "\u0000", "\u009b", "\u202e", "\u2028"]) {
    assert.notEqual(ofPage({ index: `index${evil}1` }), null);
    assert.notEqual(ofPage({ project: `demo${evil}` }), null);
    assert.notEqual(ofContent({ filename: `demo-1.0${evil}.tar.gz` }), null);
    assert.notEqual(faultOf({ created: `2026${evil}` }), null);
  }
  assert.notEqual(faultOf({ created: "2".repeat(65) }), null);
  assert.notEqual(ofPage({ index: "i".repeat(65) }), null);
});

test("a time that no clock can tell is refused", () => {
  for (const fetchedAtMs of [-1, 0.5, 8.64e15 + 2, null, "1000"]) assert.notEqual(ofPage({ fetchedAtMs }), null, String(fetchedAtMs));
  assert.equal(ofPage({ fetchedAtMs: 8.64e15 }), null);
});

test("one hash has one size: a reader that trusts one entry must not meet the bytes of another", () => {
  const other = { ...PAGE, project: "other", sizeBytes: 1_000_000 };
  assert.match(String(faultOf({ pages: [PAGE, other] })), /two sizes for one hash/);
  assert.match(String(faultOf({ contents: [CONTENT, { ...CONTENT, kind: "metadata", sizeBytes: 21 }] })), /two sizes/);
  assert.equal(faultOf({ contents: [CONTENT, { ...CONTENT, filename: "demo-1.0.zip" }] }), null);
});

test("more entries than a bundle may have are refused before they are made, whatever they are made of", () => {
  for (const [opening, value] of [
    ['{"contents":[', "{}"],
    ['{"contents":[', "[]"],
    ['{"contents":[', "0"],
    ['{"contents":{"a":0', '"":0'],
  ] as const) {
    // Not closed: what got as far as the parser would be told as no JSON.
    const text = `${opening}${`${value},`.repeat(9 * ENTRIES_MAX)}`;
    assert.deepEqual(parseManifest(text), { ok: false, failure: `it has more than ${ENTRIES_MAX} entries` }, value);
  }
});

test("a version at length is told shortly, and no text makes the reader throw", () => {
  const parsed = parseManifest(JSON.stringify({ format: "pilotlight-bundle", version: "v".repeat(100_000) }));
  assert.ok(!parsed.ok && parsed.failure.length < 100);
  fc.assert(fc.property(fc.json(), (text) => void parseManifest(text)));
  const field = fc.constantFrom("created", "pages", "contents", "version");
  fc.assert(fc.property(field, fc.jsonValue(), (name, value) => void parseManifest(JSON.stringify({ ...MANIFEST, [name]: value }))));
});
