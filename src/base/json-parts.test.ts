import assert from "node:assert/strict";
import { test } from "node:test";
import { hasMoreJsonParts } from "./json-parts.ts";

const MAX = { objects: 3, commas: 4 };

test("a text of more objects, arrays or values than may be made of it is told", () => {
  for (const text of ["[{},{},{},{}]", "[[],[],[]]", "[1,1,1,1,1,1]", '{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1}']) {
    assert.equal(hasMoreJsonParts(text, MAX), true, text);
  }
  for (const text of ["", "[{},{},{}]", "[1,1,1,1,1]", "no JSON"]) assert.equal(hasMoreJsonParts(text, MAX), false, text);
});

test("commas within strings are no values, however their quotes are written", () => {
  assert.equal(hasMoreJsonParts('["a,,,,,,,",1,1]', MAX), false);
  assert.equal(hasMoreJsonParts('["\\",,,,,,,\\\\",1,1]', MAX), false);
  assert.equal(hasMoreJsonParts('["\\\\",1,1,1,1,1]', MAX), true);
});
