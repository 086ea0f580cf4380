import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../../test/support/properties.ts";
import { parseProjectJson } from "./parse-json.ts";
import type { ProjectFile, ProjectPage } from "./project-page.ts";

const BASE = "https://index.example/simple/holygrail/";
const SHA256 = "ab".repeat(32);

function pageOf(page: unknown): ProjectPage {
  const parsed = parseProjectJson(JSON.stringify(page), "holygrail", BASE);
  assert.ok(parsed.ok, parsed.ok ? "" : parsed.failure);
  return parsed.value;
}

function fileOf(entry: Record<string, unknown>): ProjectFile | undefined {
  return pageOf({ files: [{ filename: "holygrail-1.0.tar.gz", url: "/f/holygrail-1.0.tar.gz", ...entry }] }).files[0];
}

test("the example of PEP 691 is read", () => {
  const page = pageOf({
    meta: { "api-version": "1.0" },
    name: "holygrail",
    files: [
      {
        filename: "holygrail-1.0.tar.gz",
        url: "https://example.com/files/holygrail-1.0.tar.gz",
        hashes: { sha256: SHA256, blake2b: "cd".repeat(64) },
        "requires-python": ">=3.7",
        yanked: "Had a vulnerability",
      },
      {
        filename: "holygrail-1.0-py3-none-any.whl",
        url: "https://example.com/files/holygrail-1.0-py3-none-any.whl",
        hashes: { sha256: SHA256, blake2b: "cd".repeat(64) },
        "requires-python": ">=3.7",
        "dist-info-metadata": true,
      },
    ],
  });
  const shared = { sizeBytes: null, uploadTime: null, gpgSignature: null, provenance: null };
  assert.deepEqual(page, {
    name: "holygrail",
    files: [
      {
        ...shared,
        filename: "holygrail-1.0.tar.gz",
        url: "https://example.com/files/holygrail-1.0.tar.gz",
        hashes: { sha256: SHA256, blake2b: "cd".repeat(64) },
        requiresPython: ">=3.7",
        yanked: "Had a vulnerability",
        coreMetadata: false,
      },
      {
        ...shared,
        filename: "holygrail-1.0-py3-none-any.whl",
        url: "https://example.com/files/holygrail-1.0-py3-none-any.whl",
        hashes: { sha256: SHA256, blake2b: "cd".repeat(64) },
        requiresPython: ">=3.7",
        yanked: false,
        coreMetadata: true,
      },
    ],
    versions: ["1.0"],
    status: null,
    tracks: [],
    alternateLocations: [],
    lastSerial: null,
  });
});

test("the example of PEP 792 is read: a project without files", () => {
  const page = pageOf({
    meta: { "api-version": "1.4" },
    "project-status": { status: "quarantined", reason: "the project is haunted" },
    "alternate-locations": [],
    files: [],
    name: "sampleproject",
    versions: ["1.2.0", "1.3.0", "4.0.0"],
  });
  assert.deepEqual(page.status, { state: "quarantined", reason: "the project is haunted" });
  assert.deepEqual(page.versions, ["1.2.0", "1.3.0", "4.0.0"]);
});

test("a status is found wherever indexes put it", () => {
  for (const places of [
    { "project-status": { status: "archived" } },
    { "project-status": { state: "archived" } },
    { "project-status": "archived" },
    { meta: { "project-status": "archived" } },
    { meta: { "project-status": { status: "archived" } } },
  ]) {
    assert.deepEqual(pageOf({ ...places, files: [] }).status, { state: "archived", reason: null }, JSON.stringify(places));
  }
  const inMeta = pageOf({ meta: { "project-status": "archived", "project-status-reason": "old" }, files: [] });
  assert.deepEqual(inMeta.status, { state: "archived", reason: "old" });
});

test("sizes, upload times, versions, serial, provenance and signatures are read (PEP 700, 740)", () => {
  const page = pageOf({
    meta: { "api-version": "1.3", "_last-serial": 24_888_689 },
    versions: ["1.0", "0.1"],
    files: [
      {
        filename: "holygrail-1.0.tar.gz",
        url: "holygrail-1.0.tar.gz",
        hashes: {},
        size: 2837,
        "upload-time": "2022-10-26T09:39:21.123456Z",
        provenance: "https://user:secret@index.example/integrity/holygrail/1.0/provenance",
        "gpg-sig": false,
        "requires-python": null,
        "core-metadata": { sha256: SHA256 },
        _private: "ignored",
      },
    ],
  });
  assert.equal(page.lastSerial, 24_888_689);
  assert.deepEqual(page.versions, ["1.0", "0.1"]);
  assert.deepEqual(page.files, [
    {
      filename: "holygrail-1.0.tar.gz",
      url: `${BASE}holygrail-1.0.tar.gz`,
      hashes: {},
      requiresPython: null,
      sizeBytes: 2837,
      uploadTime: "2022-10-26T09:39:21.123456Z",
      yanked: false,
      coreMetadata: { sha256: SHA256 },
      gpgSignature: false,
      provenance: "https://index.example/integrity/holygrail/1.0/provenance",
    },
  ]);
});

test("provenance by digest, as PEP 740 first had it, lies beside the file", () => {
  assert.equal(fileOf({ provenance: SHA256 })?.provenance, "https://index.example/f/holygrail-1.0.tar.gz.provenance");
  assert.equal(fileOf({ provenance: "x.provenance" })?.provenance, `${BASE}x.provenance`);
  for (const none of [null, "", " ", 7, "file:///x"]) assert.equal(fileOf({ provenance: none })?.provenance, null, String(none));
});

test("the new name of the metadata key goes before the old ones (PEP 714)", () => {
  const digests = { sha256: SHA256 };
  assert.equal(fileOf({ "core-metadata": true, "dist-info-metadata": digests })?.coreMetadata, true);
  assert.equal(fileOf({ "core-metadata": false, "dist-info-metadata": digests })?.coreMetadata, false);
  assert.deepEqual(fileOf({ "dist-info-metadata": digests })?.coreMetadata, digests);
  assert.deepEqual(fileOf({ "core-metadata": null, "data-dist-info-metadata": digests })?.coreMetadata, digests);
});

test("tracks and alternate locations are addresses without credentials (PEP 708)", () => {
  const page = pageOf({
    meta: { "api-version": "1.2", tracks: ["https://a:b@one.example/simple/holygrail/", 7] },
    "alternate-locations": ["https://two.example/simple/holygrail/", "file:///etc"],
    files: [],
  });
  assert.deepEqual(page.tracks, ["https://one.example/simple/holygrail/"]);
  assert.deepEqual(page.alternateLocations, ["https://two.example/simple/holygrail/"]);
});

test("an odd file is left out and the page is not lost", () => {
  const good = { filename: "holygrail-1.0.tar.gz", url: "holygrail-1.0.tar.gz", hashes: { sha256: SHA256 } };
  const page = pageOf({
    files: [
      null,
      7,
      "x",
      [],
      {},
      { ...good, filename: "../../etc/passwd" },
      { ...good, filename: "a\\b.whl" },
      { ...good, filename: 7 },
      { ...good, filename: "no-address-1.0.tar.gz", url: undefined },
      { ...good, filename: "local-1.0.tar.gz", url: "file:///etc/passwd" },
      { ...good, filename: "unsure-1.0.tar.gz", hashes: { sha256: "..." } },
      good,
    ],
  });
  assert.deepEqual(
    page.files.map((file) => file.filename),
    ["holygrail-1.0.tar.gz"],
  );
});

test("of files with one name the first counts", () => {
  const page = pageOf({
    files: [
      { filename: "holygrail-1.0.tar.gz", url: "/first", hashes: {} },
      { filename: "holygrail-1.0.tar.gz", url: "/second", hashes: {} },
    ],
  });
  assert.deepEqual(
    page.files.map((file) => file.url),
    ["https://index.example/first"],
  );
});

test("the page is that of the project asked for", () => {
  const parsed = parseProjectJson('{"name":"other","files":[]}', "Holy_Grail", BASE);
  assert.ok(parsed.ok);
  assert.equal(parsed.value.name, "holy-grail");
});

test("what is no page is refused with the reason", () => {
  for (const [text, reason] of [
    ["", /not valid JSON/],
    ["<html>", /not valid JSON/],
    ["[]", /not a JSON object/],
    ["null", /not a JSON object/],
    ["7", /not a JSON object/],
    ["{}", /no list of files/],
    ['{"files":{}}', /no list of files/],
    ['{"meta":{"api-version":"2.0"},"files":[]}', /version 2\.0/],
  ] as const) {
    const parsed = parseProjectJson(text, "holygrail", BASE);
    assert.ok(!parsed.ok, text);
    assert.match(parsed.failure, reason, text);
  }
});

test("versions of the API that are yet to come are read", () => {
  assert.equal(pageOf({ meta: { "api-version": "1.99" }, files: [] }).files.length, 0);
});

test("keys of the language's own are data like others", () => {
  const text = `{"__proto__":{"files":[]},"files":[{"filename":"a-1.zip","url":"/a-1.zip","hashes":{"__proto__":"00000000","constructor":"00000000"}}]}`;
  const parsed = parseProjectJson(text, "a", BASE);
  assert.ok(parsed.ok);
  assert.deepEqual(Object.entries(parsed.value.files[0]?.hashes ?? {}), [["constructor", "00000000"]]);
});

test("whatever the text, parsing ends with a page or a reason", () => {
  const entry = fc.dictionary(
    fc.constantFrom(
      "filename",
      "url",
      "hashes",
      "requires-python",
      "size",
      "upload-time",
      "yanked",
      "core-metadata",
      "gpg-sig",
      "provenance",
    ),
    fc.oneof(fc.jsonValue(), fc.string({ unit: "binary" }), fc.dictionary(fc.constantFrom("sha256", "md5"), fc.jsonValue())),
  );
  const page = fc.record(
    {
      meta: fc.oneof(
        fc.jsonValue(),
        fc.dictionary(fc.constantFrom("api-version", "_last-serial", "tracks", "project-status"), fc.jsonValue()),
      ),
      files: fc.oneof(fc.jsonValue(), fc.array(fc.oneof(entry, fc.jsonValue()))),
      versions: fc.jsonValue(),
      "project-status": fc.jsonValue(),
      "alternate-locations": fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    page.map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(text, (value) => {
      const parsed = parseProjectJson(value, "holygrail", BASE);
      assert.ok(parsed.ok || parsed.failure.length > 0);
    }),
  );
  assert.ok(!parseProjectJson(`{"files":${"[".repeat(200_000)}`, "holygrail", BASE).ok);
});
