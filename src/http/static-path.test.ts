import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../test/support/properties.ts";
import { staticSegments } from "./static-path.ts";

test("ordinary paths become segments, a trailing slash the index", () => {
  assert.deepEqual(staticSegments("a/b.txt"), ["a", "b.txt"]);
  assert.deepEqual(staticSegments("a%20b/%C3%A9.txt"), ["a b", "é.txt"]);
  assert.deepEqual(staticSegments("a/"), ["a", "index.html"]);
  assert.deepEqual(staticSegments(""), ["index.html"]);
});

test("no text whatever yields a segment that could climb, hide or split", () => {
  const piece = fc.constantFrom("..", ".", "%2e", "%2E", "/", "\\", "%2f", "%5c", "%00", "%25", "a", "%c0%ae", "%", "\0", "\n", "%0a");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      for (const segment of staticSegments(pieces.join("")) ?? []) {
        assert.ok(segment !== "" && !segment.startsWith("."), segment);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
        assert.doesNotMatch(segment, /[/\\\x00-\x1f]/);
      }
    }),
    { numRuns: 2_000 },
  );
});
