import assert from "node:assert/strict";
import test from "node:test";
import { countOccurrences } from "./occurrences.ts";

test("places are counted, and no more of them than decide", () => {
  assert.equal(countOccurrences("", "{", 3), 0);
  assert.equal(countOccurrences("{{}{", "{", 3), 3);
  assert.equal(countOccurrences("{".repeat(100), "{", 3), 4);
});
