import assert from "node:assert/strict";
import test from "node:test";
import { asHtmlCarriesIt, PAGE_BASE, projectPages } from "../../../test/support/project-pages.ts";
import fc from "../../../test/support/properties.ts";
import { parseProjectHtml } from "./parse-html.ts";
import { parseProjectJson } from "./parse-json.ts";
import type { ProjectFile, ProjectPage } from "./project-page.ts";
import { renderProjectHtml } from "./render-html.ts";
import { renderProjectJson } from "./render-json.ts";

const SHA256 = "ab".repeat(32);

const WHEEL: ProjectFile = {
  filename: "holygrail-1.0+cpu-py3-none-any.whl",
  url: "https://user:secret@files.example/holygrail-1.0+cpu-py3-none-any.whl",
  hashes: { sha256: SHA256, blake2b: "00" },
  requiresPython: ">=3.7",
  sizeBytes: 1234,
  uploadTime: "2022-10-26T09:39:21.123456Z",
  yanked: 'a "bad" <release>',
  coreMetadata: { sha256: SHA256 },
  gpgSignature: true,
  provenance: "https://index.example/integrity/secret",
};
const SDIST: ProjectFile = {
  filename: "holygrail-0.9.tar.gz",
  url: "https://files.example/holygrail-0.9.tar.gz",
  hashes: {},
  requiresPython: null,
  sizeBytes: 7,
  uploadTime: null,
  yanked: false,
  coreMetadata: false,
  gpgSignature: null,
  provenance: null,
};
const PAGE: ProjectPage = {
  name: "holygrail",
  files: [SDIST, WHEEL],
  versions: ["0.1", "0.9", "1.0+cpu"],
  status: { state: "deprecated", reason: "use <grail2>" },
  tracks: ["https://one.example/simple/holygrail/"],
  alternateLocations: ["https://two.example/simple/holygrail/"],
  lastSerial: 42,
};

test("the JSON page has what is known, under the names of the PEPs", () => {
  assert.deepEqual(JSON.parse(renderProjectJson(PAGE, PAGE.files)), {
    meta: { "api-version": "1.4", "_last-serial": 42, tracks: ["https://one.example/simple/holygrail/"] },
    name: "holygrail",
    "project-status": { status: "deprecated", reason: "use <grail2>" },
    versions: ["0.1", "0.9", "1.0+cpu"],
    "alternate-locations": ["https://two.example/simple/holygrail/"],
    files: [
      { filename: "holygrail-0.9.tar.gz", url: "holygrail-0.9.tar.gz", hashes: {}, size: 7 },
      {
        filename: "holygrail-1.0+cpu-py3-none-any.whl",
        url: "holygrail-1.0%2Bcpu-py3-none-any.whl",
        hashes: { sha256: SHA256, blake2b: "00" },
        "requires-python": ">=3.7",
        size: 1234,
        "upload-time": "2022-10-26T09:39:21.123456Z",
        yanked: 'a "bad" <release>',
        "core-metadata": { sha256: SHA256 },
        "gpg-sig": true,
        provenance: "holygrail-1.0%2Bcpu-py3-none-any.whl.provenance",
      },
    ],
  });
});

test("the JSON page does not use the key that pip 22.3 to 23.1 fail on (PEP 714)", () => {
  assert.doesNotMatch(renderProjectJson(PAGE, PAGE.files), /dist-info-metadata/);
});

test("without every size the page is of a version that doesn't ask for it (PEP 700)", () => {
  const versionOf = (files: readonly ProjectFile[]) => JSON.parse(renderProjectJson({ ...PAGE, files }, files)).meta["api-version"];
  assert.equal(versionOf([SDIST, { ...WHEEL, sizeBytes: null }]), "1.0");
  assert.equal(versionOf([{ ...SDIST, sizeBytes: 0 }]), "1.4");
  assert.equal(versionOf([]), "1.4");
});

test("hidden files take their versions along", () => {
  const versionsWith = (files: readonly ProjectFile[]) => JSON.parse(renderProjectJson(PAGE, files)).versions;
  assert.deepEqual(versionsWith([WHEEL]), ["1.0+cpu"]);
  assert.deepEqual(versionsWith([SDIST]), ["0.9"]);
  assert.deepEqual(versionsWith([]), []);
});

test("the HTML page has its links, escaped", () => {
  assert.equal(
    renderProjectHtml(PAGE, PAGE.files),
    `<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta name="pypi:repository-version" content="1.4">
<meta name="pypi:project-status" content="deprecated">
<meta name="pypi:project-status-reason" content="use &lt;grail2&gt;">
<meta name="pypi:tracks" content="https://one.example/simple/holygrail/">
<meta name="pypi:alternate-locations" content="https://two.example/simple/holygrail/">
<title>Links for holygrail</title>
</head>
<body>
<h1>Links for holygrail</h1>
<a href="holygrail-0.9.tar.gz">holygrail-0.9.tar.gz</a><br>
<a href="holygrail-1.0%2Bcpu-py3-none-any.whl#sha256=${SHA256}" data-requires-python="&gt;=3.7" data-yanked="a &quot;bad&quot; &lt;release&gt;" data-core-metadata="sha256=${SHA256}" data-dist-info-metadata="sha256=${SHA256}" data-gpg-sig="true" data-provenance="holygrail-1.0%2Bcpu-py3-none-any.whl.provenance">holygrail-1.0+cpu-py3-none-any.whl</a><br>
</body>
</html>
<!--SERIAL 42-->
`,
  );
});

test("a yank without a reason is an attribute without text", () => {
  assert.match(renderProjectHtml(PAGE, [{ ...SDIST, yanked: true }]), / data-yanked="">/);
});

test("no text of an upstream ends its attribute or its element", () => {
  const hostile = `'"><script>&`;
  const html = renderProjectHtml(PAGE, [{ ...SDIST, filename: `a'b"c.zip`, requiresPython: hostile, yanked: hostile }]);
  assert.match(
    html,
    /<a href="a&#39;b%22c\.zip" data-requires-python="&#39;&quot;&gt;&lt;script&gt;&amp;" data-yanked="&#39;&quot;&gt;&lt;script&gt;&amp;">a&#39;b&quot;c\.zip<\/a>/,
  );
});

test("a link has the digest that most installers check", () => {
  const linkWith = (hashes: Record<string, string>) => /href="([^"]*)"/.exec(renderProjectHtml(PAGE, [{ ...SDIST, hashes }]))?.[1];
  assert.equal(linkWith({ md5: "00", sha512: "11", sha256: "22" }), "holygrail-0.9.tar.gz#sha256=22");
  assert.equal(linkWith({ md5: "00" }), "holygrail-0.9.tar.gz#md5=00");
  assert.equal(linkWith({ blake2b: "00" }), "holygrail-0.9.tar.gz");
});

test("no page shows an address of an upstream", () => {
  for (const page of [renderProjectJson(PAGE, PAGE.files), renderProjectHtml(PAGE, PAGE.files)]) {
    assert.doesNotMatch(page, /files\.example|index\.example|secret/);
  }
});

test("a page rendered as JSON and parsed is the same page", () => {
  fc.assert(
    fc.property(projectPages, (page) => {
      const parsed = parseProjectJson(renderProjectJson(page, page.files), page.name, PAGE_BASE);
      assert.ok(parsed.ok);
      assert.deepEqual(parsed.value, page);
    }),
  );
});

test("a page rendered as HTML and parsed is the same page, as far as HTML carries it", () => {
  fc.assert(
    fc.property(projectPages, (page) => {
      const parsed = parseProjectHtml(renderProjectHtml(page, page.files), page.name, PAGE_BASE);
      assert.ok(parsed.ok);
      assert.deepEqual(parsed.value, asHtmlCarriesIt(page));
    }),
  );
});

test("the JSON made of an HTML page equals the JSON made of a JSON page with the same data", () => {
  fc.assert(
    fc.property(projectPages, (any) => {
      const page = asHtmlCarriesIt(any);
      const fromHtml = parseProjectHtml(renderProjectHtml(page, page.files), page.name, PAGE_BASE);
      const fromJson = parseProjectJson(renderProjectJson(page, page.files), page.name, PAGE_BASE);
      assert.ok(fromHtml.ok && fromJson.ok);
      assert.equal(renderProjectJson(fromHtml.value, fromHtml.value.files), renderProjectJson(fromJson.value, fromJson.value.files));
    }),
  );
});
