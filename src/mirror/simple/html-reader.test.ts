import assert from "node:assert/strict";
import test from "node:test";
import { attributeOf, readIndexHtml } from "./html-reader.ts";

/** "href text" of every anchor. */
function anchorsOf(html: string): string[] {
  const anchors: string[] = [];
  readIndexHtml(html, (attributes, text) => anchors.push(`${attributeOf(attributes, "href")} ${text}`));
  return anchors;
}

test("the text of an anchor is what a reader sees of it", () => {
  assert.deepEqual(anchorsOf("<a href=x>a<b>&amp;</b><!-- c --><script>d</script><style>e</style>&lt;f</a>g<a href=y>h"), [
    "x a&<f",
    "y h",
  ]);
});

test("the first of an attribute's values counts, with its entities decoded", () => {
  assert.deepEqual(anchorsOf('<A HREF="a&amp;b&#x2F;c" href=second></A>'), ["a&b/c "]);
});

test("text without end is cut", () => {
  const [anchor = ""] = anchorsOf(`<a href=x>${"word ".repeat(10_000)}`);
  assert.ok(anchor.length < 2_000);
  assert.ok(readIndexHtml(`<h1>${"word ".repeat(10_000)}`, () => {}).headings.length < 2_000);
});

test("what a page says of itself is told", () => {
  const html = `<title>Links</title><meta name="PyPI:Tracks" content="a&amp;b"><meta name="other" content="x"><meta charset="utf-8">
    <base target="_blank"><base href="/one/"><base href="/two/"><h1>for a</h1><p>text</p><!--SERIAL 12--><!--SERIAL 13-->`;
  assert.deepEqual(
    readIndexHtml(html, () => {}),
    {
      metas: [["pypi:tracks", "a&b"]],
      baseHref: "/one/",
      lastSerial: 12,
      headings: "Linksfor a",
      hasText: true,
      hasTags: true,
      isEndless: false,
      isInteractive: false,
    },
  );
});

test("what asks for something or goes elsewhere is interactive", () => {
  for (const html of ["<form>", "<script>", '<meta http-equiv="Refresh" content="0">']) {
    assert.equal(readIndexHtml(html, () => {}).isInteractive, true, html);
  }
  assert.equal(readIndexHtml("<!-- <form> --><p>script</p>", () => {}).isInteractive, false);
});

test("a page is the same in pieces: tags, entities and scripts may lie across their seams", () => {
  const link = (place: number) => `<!-- ${"é".repeat(place % 7)} --><a href="x${place}&amp;y">t&lt;${place}</a><script>"<a>"</script>\r\n`;
  const places = Array.from({ length: 20_000 }, (_, place) => place);
  assert.deepEqual(
    anchorsOf(places.map(link).join("")),
    places.map((place) => `x${place}&y t<${place}`),
  );
});

test("a tag, a comment or a text that does not end is given up", () => {
  for (const [before, part] of [
    ['<a href="', "&amp;"],
    ['<a href="', "x"],
    ["<a ", "b"],
    ["<", "b"],
    ["<!--", "<a>"],
    ["<script>", "<"],
    ["", "x"],
  ] as const) {
    const { isEndless } = readIndexHtml(`${before}${part.repeat(400_000 / part.length)}`, () => {});
    assert.equal(isEndless, true, `${before}${part}`);
  }
});
