import assert from "node:assert/strict";
import { test } from "node:test";
import { judge } from "./expect.ts";
import { parseHttpFile } from "./parse.ts";

const ANSWER = {
  status: 201,
  headers: [
    ["content-type", "application/json"],
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
  ] as const,
  body: new TextEncoder().encode('{"user":{"name":"Ada","tags":["x","y"]},"count":3}'),
};

function mismatches(...expectations: string[]) {
  const parsed = parseHttpFile(`GET /\n\n${expectations.map((line) => `?? ${line}`).join("\n")}\n`, "x.http");
  return parsed.ok ? judge(parsed.value[0]!.expectations, ANSWER, 1) : assert.fail(JSON.stringify(parsed.failure));
}

test("what holds is not mentioned", () => {
  assert.deepEqual(
    mismatches(
      "status == 201",
      "status < 300",
      "length > 10",
      "header content-type == application/json",
      "header set-cookie == a=1, b=2",
      "header x-none missing",
      "body contains Ada",
      "body matches /ada/i",
      'json user == {"tags":["x","y"],"name":"Ada"}',
      "json user.tags.length == 2",
      'json user.tags contains "x"',
      "json count >= 3",
      "json user.constructor missing",
      'json $.user.name != "Bob"',
    ),
    [],
  );
});

test("what does not hold tells its line, what was wanted and what came", () => {
  const found = mismatches("status == 200", "header x-none exists", 'json user.name == "Bob"', "body contains Bob", "json count < 3");
  assert.deepEqual(
    found.map(({ line, detail }) => [line, detail.slice(0, 12)]),
    [
      [3, "got 201"],
      [4, "it is missin"],
      [5, 'got "Ada"'],
      [6, 'got "{\\"user'],
      [7, "got 3"],
    ],
  );
});

test("texts and objects of several lines are shown as a diff", () => {
  const [found] = mismatches('json user == {"name":"Ada","tags":["x"]}');
  assert.match(found!.detail, /^- +"x"$/m);
  assert.match(found!.detail, /^\+ +"y"$/m);
});

test("a body that is not JSON is a mismatch and not a crash", () => {
  const parsed = parseHttpFile("GET /\n\n?? json a exists\n", "x.http");
  const [found] = judge(parsed.ok ? parsed.value[0]!.expectations : [], { ...ANSWER, body: new TextEncoder().encode("<html>") }, 1);
  assert.match(found!.detail, /not JSON: <html>/);
});

test("a request without expectations must answer below 400", () => {
  assert.deepEqual(judge([], ANSWER, 1), []);
  assert.match(judge([], { ...ANSWER, status: 404 }, 1)[0]!.detail, /got 404/);
});
