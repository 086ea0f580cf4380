import assert from "node:assert/strict";
import test from "node:test";
import { scanProjects } from "./list-scan.ts";

test("a list as indexes write it is scanned, and the rest of the text is left", () => {
  assert.deepEqual(
    scanProjects('{"meta":{"api-version":"1.4"},"projects":[{"_last-serial":7,"name":"a"},{"name":"B.c","_last-serial":8}]}'),
    {
      names: ["a", "B.c"],
      rest: '{"meta":{"api-version":"1.4"},"projects":[]}',
    },
  );
  assert.deepEqual(scanProjects('{\n "projects" : [\n  { "name" : "a" }\n ],\n "meta": {}\n}'), {
    names: ["a"],
    rest: '{\n "projects" : [],\n "meta": {}\n}',
  });
});

test("every other list is given up", () => {
  for (const text of [
    "",
    "[]",
    '{"projects":[]}',
    '{"projects":[{"name":"a"}',
    '{"projects":[{"name":"a"},]}',
    '{"projects":[{"name":"a\\u0062"}]}',
    '{"projects":[{"name":"a","x":1}]}',
    '{"projects":[{"name":"a","name":"b"}]}',
    '{"projects":[{"name":["a"]}]}',
    '{"projects":[7,{"name":"a"}]}',
    '{"x":"\\"projects\\":[{\\"name\\":\\"a\\"}]"}',
  ]) {
    assert.equal(scanProjects(text), null, text);
  }
});
