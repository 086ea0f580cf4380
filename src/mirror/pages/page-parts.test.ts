import assert from "node:assert/strict";
import test from "node:test";
import { COMMAS_MAX, PARTS_MAX, tooManyParts } from "./page-parts.ts";

test("a page of more objects than any project has is refused before it is parsed", () => {
  assert.match(tooManyParts({ parser: "json", text: `{"files":[${"{},".repeat(PARTS_MAX)}{}]}` }) ?? "", /parts/);
  assert.match(tooManyParts({ parser: "html", text: "<a>".repeat(PARTS_MAX + 1) }) ?? "", /parts/);
});

test("a page of more bare values than any project has is refused before it is parsed", () => {
  for (const value of ["1,", '"",', '"a":1,']) {
    assert.match(tooManyParts({ parser: "json", text: `{"files":[${value.repeat(COMMAS_MAX + 1)}1]}` }) ?? "", /parts/);
  }
});

test("a page of a hundred thousand files passes", () => {
  const file =
    '{"filename":"a-1.whl","hashes":{"sha256":""},"core-metadata":{},"requires-python":">=3,<4","size":1,"url":"","upload-time":"","yanked":""},';
  assert.equal(tooManyParts({ parser: "json", text: `{"files":[${file.repeat(100_000)}{}]}` }), null);
});
