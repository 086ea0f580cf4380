import assert from "node:assert/strict";
import { test } from "node:test";
import { examplesOf, parseProblem } from "./check-docs.ts";

const PAGE = [
  "# Page",
  "```ts",
  "// file: a.ts",
  "const a: number = 1;",
  "```",
  "```js",
  "not a file {",
  "```",
  "```tsx",
  "// file: b.tsx",
  "const b = <p>;",
  "```",
].join("\n");

test("only blocks that name a file are examples", () => {
  assert.deepEqual(
    examplesOf(PAGE).map(({ name, line }) => [name, line]),
    [
      ["a.ts", 2],
      ["b.tsx", 9],
    ],
  );
});

test("an example that does not parse is found with its line", () => {
  const [good, bad] = examplesOf(PAGE);
  assert.equal(parseProblem(good!), null);
  assert.equal(parseProblem(bad!)!.line, 3);
});
