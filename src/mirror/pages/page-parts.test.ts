import assert from "node:assert/strict";
import test from "node:test";
import { PARTS_MAX, tooManyParts } from "./page-parts.ts";

test("a page of more objects than any project has is refused before it is parsed", () => {
  assert.match(tooManyParts({ parser: "json", text: `{"files":[${"{},".repeat(PARTS_MAX)}{}]}` }) ?? "", /parts/);
  assert.match(tooManyParts({ parser: "html", text: "<a>".repeat(PARTS_MAX + 1) }) ?? "", /parts/);
});

test("a page of a hundred thousand files passes", () => {
  const file = '{"filename":"a-1.whl","hashes":{"sha256":""},"core-metadata":{}},';
  assert.equal(tooManyParts({ parser: "json", text: `{"files":[${file.repeat(100_000)}{}]}` }), null);
});
