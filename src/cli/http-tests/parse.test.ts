import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHttpFile } from "./parse.ts";

function parse(text: string) {
  const result = parseHttpFile(text, "x.http");
  return result.ok ? result.value : assert.fail(JSON.stringify(result.failure));
}

function refuse(text: string) {
  const result = parseHttpFile(text, "x.http");
  return result.ok ? assert.fail("should have been refused") : result.failure;
}

test("a file holds variables, requests with headers and bodies, and expectations", () => {
  const tests = parse(`@name = Ada
# the first
### greets
GET http://localhost:8080/greet/{{name}}?x=1 HTTP/1.1
Accept: text/plain
X-Twice: 1
X-Twice: 2

?? status == 200
?? header Content-Type matches ^text

### posts
POST /users
Content-Type: application/json

{
  "name": "{{name}}"
}

?? json user.tags[0]["odd key"] == "x"
`);
  assert.deepEqual(
    tests.map(({ name, line, method, target }) => [name, line, method, target]),
    [
      ["greets", 4, "GET", "/greet/Ada?x=1"],
      ["posts", 13, "POST", "/users"],
    ],
  );
  assert.deepEqual(tests[0]!.headers, [
    ["Accept", "text/plain"],
    ["X-Twice", "1"],
    ["X-Twice", "2"],
  ]);
  assert.deepEqual(tests[1]!.body, { kind: "text", text: '{\n  "name": "Ada"\n}' });
  assert.deepEqual(tests[1]!.expectations[0]!.subject, {
    kind: "json",
    path: 'user.tags[0]["odd key"]',
    steps: ["user", "tags", 0, "odd key"],
  });
});

test("a body of several lines is compared exactly between triple quotes", () => {
  const [only] = parse('GET /x\n\n?? body == """\none\n\n  two\n"""\n?? status == 200\n');
  assert.deepEqual(
    only!.expectations.map(({ operand, line }) => [operand, line]),
    [
      ["one\n\n  two", 3],
      [200, 8],
    ],
  );
});

test("a body may come from a file beside it", () => {
  assert.deepEqual(parse("POST /x\n\n< ./data.bin\n")[0]!.body, { kind: "file", path: "./data.bin", line: 3 });
});

test("a request without a name is called by its request line", () => {
  assert.equal(parse("GET /x")[0]!.name, "GET /x");
});

test("lines that mean nothing are failures with their numbers", () => {
  const cases: [string, number, RegExp][] = [
    ["FETCH\n", 1, /METHOD \/path/],
    ["GET /x\nno header\n", 2, /Name: value/],
    ["GET /x\n\n?? sttus == 200\n", 3, /Did you mean status/],
    ["GET /x\n\n?? status = 200\n", 3, /==/],
    ["GET /x\n\n?? status == ok\n", 3, /Write it as 200/],
    ["GET /x\n\n?? json a == b\n", 3, /double quotes: "b"/],
    ["GET /x\n\n?? header x matches (\n", 3, /regular expression/],
    ["GET /x\n\n?? header\n", 3, /content-type/],
    ["GET /x\n\n?? body exists\n", 3, /Compare it/],
    ["GET /x\n\n?? status == 200\nmore\n", 4, /Begin it with/],
    ["GET /{{who}}\n", 1, /@who = value/],
    ['GET /x\n\n?? body == """\nopen\n', 3, /End it with/],
  ];
  for (const [text, line, hint] of cases) {
    const [failure] = refuse(text);
    assert.equal(failure!.at?.line, line, text);
    assert.match(failure!.hint ?? "", hint, text);
  }
});
