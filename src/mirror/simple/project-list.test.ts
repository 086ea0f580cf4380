import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../../test/support/properties.ts";
import { parseListHtml, parseListJson, renderListHtml, renderListJson } from "./project-list.ts";
import type { ProjectList } from "./project-page.ts";

function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}

function listOf(parsed: ReturnType<typeof parseListJson>): ProjectList {
  assert.ok(parsed.ok, parsed.ok ? "" : parsed.failure);
  return parsed.value;
}

test("the example of PEP 691 is read", () => {
  const list = listOf(parseListJson('{"meta":{"api-version":"1.0"},"projects":[{"name":"Frob"},{"name":"spamspamspam"}]}'));
  assert.deepEqual(list, { names: ["Frob", "spamspamspam"], lastSerial: null });
});

test("the example of PEP 503 is read", () => {
  const html = `<!DOCTYPE html>
    <html>
      <body>
        <a href="/frob/">frob</a>
        <a href="/spamspamspam/">spamspamspam</a>
      </body>
    </html>`;
  assert.deepEqual(listOf(parseListHtml(html)), { names: ["frob", "spamspamspam"], lastSerial: null });
});

test("the list of a large index is read, however it is written", () => {
  const compact =
    '{"meta":{"_last-serial":99,"api-version":"1.4"},"projects":[{"_last-serial":7,"name":"a.b"},{"name":"C","_last-serial":8}]}';
  const pretty = JSON.stringify(JSON.parse(compact), null, 2);
  const escaped = compact.replace('"a.b"', '"a\\u002eb"');
  const odd = '{"projects":[{"x":{"name":"no","y":["]","}"]},"name":"a.b"},{"name":"first","name":"C"}],"meta":{"_last-serial":99}}';
  const nested = '{"meta":{"projects":[{"name":"no"}],"_last-serial":99},"projects":[{"name":"a.b"},{"name":"C"}]}';
  for (const text of [compact, pretty, escaped, odd, nested]) {
    assert.deepEqual(listOf(parseListJson(text)), { names: ["a.b", "C"], lastSerial: 99 }, text);
  }
});

test("what is no name is left out of the list", () => {
  const projects = [
    { name: "good" },
    { name: "../x" },
    { name: "<b>" },
    { name: "" },
    { name: 7 },
    {},
    null,
    "text",
    [],
    { name: "also.good" },
  ];
  assert.deepEqual(listOf(parseListJson(JSON.stringify({ projects }))).names, ["good", "also.good"]);
});

test("what is no list is refused with the reason", () => {
  for (const [text, reason] of [
    ["", /not valid JSON/],
    ["[]", /not a JSON object/],
    ["{}", /no list of projects/],
    ['{"projects":{}}', /no list of projects/],
    ['{"meta":{"api-version":"2.0"},"projects":[]}', /version 2\.0/],
    ['{"projects":[{"name":"a"}', /not valid JSON/],
    ['{"projects":[{"name":"a"},]}', /not valid JSON/],
    ['{"projects":[{"name":"a"}]} x', /not valid JSON/],
  ] as const) {
    const parsed = parseListJson(text);
    assert.ok(!parsed.ok, text);
    assert.match(parsed.failure, reason, text);
  }
  for (const [html, reason] of [
    ["", /does not look like an index/],
    ['<title>Log in</title><form><a href="/forgot/">Forgot your password?</a></form>', /does not look like an index/],
    ['<meta name="pypi:repository-version" content="2.0"><a href="a/">a</a>', /version 2\.0/],
  ] as const) {
    const parsed = parseListHtml(html);
    assert.ok(!parsed.ok, html);
    assert.match(parsed.failure, reason, html);
  }
});

test("an empty list is a list", () => {
  assert.deepEqual(listOf(parseListJson('{"projects":[]}')).names, []);
  assert.deepEqual(listOf(parseListHtml("<title>Simple index</title>")).names, []);
});

test("links whose text is another's are no projects", () => {
  const html = `<title>Simple index</title>
    <a href="../">../</a><a href="/login/">Log in</a><a href="https://docs.example/help/">Documentation</a><a href="?C=N">Name</a>
    <a href="/simple/zope-interface/">zope.interface</a>
    <A HREF="https://index.example/simple/numpy/?x=/y/#z"> numpy </A>
    <a href="no-slash">No_Slash</a>
    <a href="listed/">listed/</a>
    <a href="a-name-that-a-directory-listing-cuts-somewhere-in-it/">a-name-that-a-directory-listing-cuts-some..&gt;</a>
    <!--SERIAL 5-->`;
  assert.deepEqual(listOf(parseListHtml(html)), {
    names: ["zope.interface", "numpy", "No_Slash", "listed", "a-name-that-a-directory-listing-cuts-somewhere-in-it"],
    lastSerial: 5,
  });
});

test("the list is rendered with relative links", () => {
  const list = { names: ["Zope.Interface", "numpy"], lastSerial: 3 };
  assert.equal(
    textOf(renderListJson(list)),
    '{"meta":{"api-version":"1.4","_last-serial":3},"projects":[{"name":"Zope.Interface"},{"name":"numpy"}]}',
  );
  assert.match(
    textOf(renderListHtml(list)),
    /<a href="zope-interface\/">Zope\.Interface<\/a><br>\n<a href="numpy\/">numpy<\/a><br>\n<\/body>/,
  );
});

test("a list rendered and parsed is the same list", () => {
  const name = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,10}[A-Za-z0-9])?$/);
  const lists = fc.record({ names: fc.array(name), lastSerial: fc.option(fc.maxSafeNat()) }, { noNullPrototype: true });
  fc.assert(
    fc.property(lists, (list) => {
      assert.deepEqual(listOf(parseListJson(textOf(renderListJson(list)))), list);
      assert.deepEqual(listOf(parseListHtml(textOf(renderListHtml(list)))), list);
    }),
  );
});

test("more names than fit into one portion keep their order", () => {
  const names = Array.from({ length: 10_001 }, (_, at) => `project-${at}`);
  assert.deepEqual(listOf(parseListJson(textOf(renderListJson({ names, lastSerial: null })))).names, names);
  assert.deepEqual(listOf(parseListHtml(textOf(renderListHtml({ names, lastSerial: null })))).names, names);
});

test("whatever the text, parsing ends with a list or a reason", () => {
  const part = fc.constantFrom(
    '{"projects":[',
    '{"name":"a"}',
    ",",
    "]",
    "}",
    '"',
    "\\",
    '{"meta":',
    "<a href=a>",
    "a",
    "</a>",
    "\0",
    "\ud800",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.array(part).map((parts) => parts.join("")),
      ),
      (text) => {
        for (const parsed of [parseListJson(text), parseListHtml(text)]) assert.ok(parsed.ok || parsed.failure.length > 0);
      },
    ),
  );
});
