import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../../test/support/properties.ts";
import { parseProjectHtml } from "./parse-html.ts";
import { parseProjectJson } from "./parse-json.ts";
import type { ProjectFile, ProjectPage } from "./project-page.ts";
import { renderProjectJson } from "./render-json.ts";

const BASE = "https://index.example/simple/holygrail/";
const SHA256 = "ab".repeat(32);
const OTHER_SHA256 = "0123456789abcdef".repeat(4);

function pageOf(html: string): ProjectPage {
  const parsed = parseProjectHtml(html, "holygrail", BASE);
  assert.ok(parsed.ok, parsed.ok ? "" : parsed.failure);
  return parsed.value;
}

function refusalOf(html: string): string {
  const parsed = parseProjectHtml(html, "holygrail", BASE);
  return parsed.ok ? "" : parsed.failure;
}

function fileOf(html: string): ProjectFile | undefined {
  return pageOf(html).files[0];
}

function namesOf(html: string): string[] {
  return pageOf(html).files.map((file) => file.filename);
}

test("HTML with entities and anchors over several lines makes the JSON that a JSON upstream makes", () => {
  const html = `<!DOCTYPE html>
<html>
  <head>
    <meta name="pypi:repository-version" content="1.4">
    <meta name="pypi:project-status" content="archived"><meta name="pypi:project-status-reason" content="see &quot;grail2&quot;">
    <meta name="pypi:tracks" content="https://one.example/simple/holygrail/?a=b&amp;c=d">
    <meta name="pypi:alternate-locations" content="https://two.example/simple/holygrail/">
    <title>Links for holygrail</title>
  </head>
  <body>
    <h1>Links for holygrail</h1>
    <a href="../../files/holygrail-1.0.tar.gz#sha256=${SHA256}" data-requires-python="&gt;=3.7, &lt;4" data-yanked="Had a &#x27;vulnerability&#39; &amp; more">holygrail-1.0.tar.gz</a><br />
    <a
      href="https://files.example/holygrail-1.0%2Blocal-py3-none-any.whl#sha256=${OTHER_SHA256}"
      data-requires-python="&gt;=3.7"
      data-dist-info-metadata="sha256=${SHA256}"
      data-core-metadata="sha256=${SHA256}"
      data-provenance="https://index.example/integrity/holygrail?v=1&amp;w=2"
      data-gpg-sig="true"
    >
      holygrail-1.0+local-py3-none-any.whl
    </a>
    <A HREF='holygrail-1.1.zip' DATA-YANKED DATA-GPG-SIG=false>holygrail-1.1.zip</A>
  </body>
</html>
<!--SERIAL 4711-->`;
  const json = JSON.stringify({
    meta: { "api-version": "1.0", "_last-serial": 4711, tracks: ["https://one.example/simple/holygrail/?a=b&c=d"] },
    name: "holygrail",
    "project-status": { status: "archived", reason: 'see "grail2"' },
    "alternate-locations": ["https://two.example/simple/holygrail/"],
    files: [
      {
        filename: "holygrail-1.0.tar.gz",
        url: "https://index.example/files/holygrail-1.0.tar.gz",
        hashes: { sha256: SHA256 },
        "requires-python": ">=3.7, <4",
        yanked: "Had a 'vulnerability' & more",
        "core-metadata": false,
      },
      {
        filename: "holygrail-1.0+local-py3-none-any.whl",
        url: "https://files.example/holygrail-1.0%2Blocal-py3-none-any.whl",
        hashes: { sha256: OTHER_SHA256 },
        "requires-python": ">=3.7",
        yanked: false,
        "core-metadata": { sha256: SHA256 },
        provenance: "https://index.example/integrity/holygrail?v=1&w=2",
        "gpg-sig": true,
      },
      { filename: "holygrail-1.1.zip", url: "holygrail-1.1.zip", hashes: {}, yanked: true, "gpg-sig": false },
    ],
  });
  const fromJson = parseProjectJson(json, "holygrail", BASE);
  assert.ok(fromJson.ok);
  const fromHtml = pageOf(html);
  assert.deepEqual(fromHtml, fromJson.value);
  assert.equal(renderProjectJson(fromHtml, fromHtml.files), renderProjectJson(fromJson.value, fromJson.value.files));
});

test("the example of PEP 708 is read, though its anchors never end", () => {
  const page = pageOf(`<!DOCTYPE html>
    <html>
      <head>
        <meta name="pypi:repository-version" content="1.2">
        <meta name="pypi:tracks" content="https://one.example/simple/holygrail/">
        <meta name="pypi:tracks" content="https://two.example/simple/holygrail/">
      </head>
      <body>
        <a href="https://example.com/files/holygrail-1.0.tar.gz#sha256=${SHA256}">
        <a href="https://example.com/files/holygrail-1.0-py3-none-any.whl#sha256=${SHA256}">
      </body>
    </html>`);
  assert.deepEqual(page.tracks, ["https://one.example/simple/holygrail/", "https://two.example/simple/holygrail/"]);
  assert.equal(page.files.length, 2);
});

test("the example of PEP 792 is read: a project without files", () => {
  const page = pageOf(`<!DOCTYPE html>
    <html>
      <head>
        <meta name="pypi:repository-version" content="1.4">
        <meta name="pypi:project-status" content="quarantined">
        <meta name="pypi:project-status-reason" content="the project is haunted">
        <title>Links for sampleproject</title>
      </head>
      <body>
        <h1>Links for sampleproject</h1>
      </body>
    </html>`);
  assert.deepEqual(page.status, { state: "quarantined", reason: "the project is haunted" });
  assert.deepEqual(page.files, []);
});

test("another major version of the API is refused", () => {
  assert.match(refusalOf('<meta name="pypi:repository-version" content="2.0"><a href="a-1.zip">a-1.zip</a>'), /version 2\.0/);
  assert.equal(namesOf('<meta name="pypi:repository-version" content="1.99"><a href="a-1.zip">a-1.zip</a>').length, 1);
});

test("anchors are found anywhere, and only where tags are tags", () => {
  const html = `<p><ul><li><span><a href=a-1.zip>x</a></span>
    <table><tr><td><a class="c" href="a-2.zip"><b>a-2</b>.zip</a></table>
    <!-- <a href="a-3.zip">a-3.zip</a> -->
    <script>document.write('<a href="a-4.zip">a-4.zip</a>')</script>
    <style><a href="a-5.zip"></style>
    <title><a href="a-6.zip">a-6.zip</a></title>
    <textarea><a href="a-7.zip">a-7.zip</a></textarea>
    <svg><title><a href="a-8.zip">in a drawing</a></title><style>p{}</style></svg>
    <a href="a-9.zip">no end`;
  assert.deepEqual(namesOf(html), ["a-1.zip", "a-2.zip", "a-8.zip", "a-9.zip"]);
});

test("<base> counts for all links, wherever it stands", () => {
  const html = `<a href="a-1.zip">a-1.zip</a><base href="https://user:secret@files.example/x/"><base href="/second/"><a href="/a-2.zip">a-2.zip</a>`;
  assert.deepEqual(
    pageOf(html).files.map((file) => file.url),
    ["https://files.example/x/a-1.zip", "https://files.example/a-2.zip"],
  );
  assert.equal(fileOf('<base href="file:///"><a href="a-1.zip">a-1.zip</a>')?.url, `${BASE}a-1.zip`);
});

test("a name is the address's last segment, decoded, unless only the text is one", () => {
  for (const [anchor, filename] of [
    ['<a href="/x/a-1%2Bcpu.zip#md5=">other-2.zip</a>', "a-1+cpu.zip"],
    ['<a href="/download?id=7">\n a-1.zip\n</a>', "a-1.zip"],
    ['<a href="/x/a-1.zip/download">a-1.zip</a>', "a-1.zip"],
    ['<a href="/x/%ff.zip">a-1.zip</a>', "a-1.zip"],
    ['<a href="/x/..%2f..%2fa-1.zip">a-1.zip</a>', "a-1.zip"],
    [`<a href="/x/a-1.bin#sha256=${SHA256}">whatever</a>`, "a-1.bin"],
  ] as const) {
    assert.equal(fileOf(anchor)?.filename, filename, anchor);
  }
});

test("links to anything but files are passed over", () => {
  const html = `<h1>Index of /simple/a</h1>
    <a href="../">../</a> <a href="?C=N;O=D">Name</a> <a href="/">Home</a> <a name="top">top</a> <a href="">self</a>
    <a href="https://project.example/" rel="homepage">a 1.0 home page</a>
    <a href="a-1.zip.asc">a-1.zip.asc</a> <a href="a-1.whl.metadata">a-1.whl.metadata</a>
    <a href="javascript:a-1.zip">a-1.zip</a> <a href="file:///a-1.zip">a-1.zip</a>
    <a href="a-2.zip#sha256=unlikely">a-2.zip</a>
    <a href="a-3.zip#egg=a-3">a-3.zip</a>`;
  assert.deepEqual(namesOf(html), ["a-3.zip"]);
});

test("yanks, metadata and signatures are read from their attributes", () => {
  const read = (attributes: string) => fileOf(`<a href="a-1.zip" ${attributes}>a-1.zip</a>`);
  assert.equal(read("")?.yanked, false);
  assert.equal(read("data-yanked")?.yanked, true);
  assert.equal(read('data-yanked=""')?.yanked, true);
  assert.equal(read('data-yanked="broken"')?.yanked, "broken");
  assert.equal(read("")?.coreMetadata, false);
  assert.equal(read('data-dist-info-metadata="true"')?.coreMetadata, true);
  assert.equal(read('data-core-metadata="false" data-dist-info-metadata="true"')?.coreMetadata, false);
  assert.deepEqual(read(`data-core-metadata="sha256=${SHA256}"`)?.coreMetadata, { sha256: SHA256 });
  assert.equal(read("")?.gpgSignature, null);
  assert.equal(read('data-gpg-sig="true"')?.gpgSignature, true);
  assert.equal(read('data-gpg-sig="perhaps"')?.gpgSignature, null);
  assert.equal(read(`data-provenance="${SHA256}"`)?.provenance, `${BASE}a-1.zip.provenance`);
});

test("of files with one name the first counts", () => {
  assert.deepEqual(
    pageOf('<a href="/first/a-1.zip">a-1.zip</a><a href="/second/a-1.zip">a-1.zip</a>').files.map((file) => file.url),
    ["https://index.example/first/a-1.zip"],
  );
});

test("an index without files is an empty project", () => {
  for (const html of [
    "<!DOCTYPE html><html><body></body></html>",
    "<html><head><style>p { color: red }</style></head><body></body></html>",
    "<html><head><title>Links for holygrail</title></head><body><h1>Links for holygrail</h1></body></html>",
    "<h1>Index of /simple/holygrail/</h1><hr><pre><a href='../'>../</a></pre>",
    '<meta name="pypi:repository-version" content="1.0"><form action="/search"></form>',
    "<p>nothing here</p><!--SERIAL 7-->",
  ]) {
    assert.deepEqual(namesOf(html), [], html);
  }
});

test("a page that is no index does not count as an empty project", () => {
  for (const html of [
    "",
    "Not found",
    '{"files":[]}',
    '<title>Log in</title><form method="post"><input name="user"><input type="password"></form>',
    '<title>Links for holygrail</title><form action="/login"><input type="password"></form>',
    '<meta http-equiv="refresh" content="0; url=https://portal.example/">',
    '<div id="root"></div><script src="/app.js"></script>',
    "<h1>It works!</h1>",
    "<h1>Welcome to nginx!</h1><p>If you see this page, the web server is working.</p>",
    "<title>Service unavailable</title>",
  ]) {
    assert.match(refusalOf(html), /does not look like an index/, html);
  }
});

test("whatever the text, parsing ends with a page or a reason, and no address has credentials", () => {
  const part = fc.constantFrom(
    '<a href="',
    "<a href='//u:secret@h/",
    "a-1.zip",
    "#sha256=",
    SHA256,
    '" data-yanked="',
    "'>",
    '">',
    "</a>",
    "<base href='",
    "<meta name='pypi:tracks' content='https://u:secret@h/",
    "<script>",
    "</script>",
    "<!--",
    "-->",
    "<![CDATA[",
    "<svg>",
    "</svg>",
    "<title>",
    "<plaintext>",
    "&amp",
    "&#0;",
    "&#xd800;",
    "\0",
    "\ud800",
    "\r\n",
    "<",
    "=",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc.array(part, { maxLength: 60 }).map((parts) => parts.join("")),
      ),
      (html) => {
        const parsed = parseProjectHtml(html, "holygrail", BASE);
        if (!parsed.ok) return;
        for (const address of [...parsed.value.files.map((file) => file.url), ...parsed.value.tracks]) {
          assert.doesNotMatch(address, /^https?:\/\/[^/]*@/);
        }
      },
    ),
    { numRuns: 300 },
  );
});
