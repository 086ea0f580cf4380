import assert from "node:assert/strict";
import { test } from "node:test";
import { examplesOf, parseProblem } from "./check-docs.ts";
import { withTables } from "./configuration-tables.ts";

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

test("the tables of settings are written anew, and what stands around them is kept", () => {
  const page = withTables("before\n\n<!-- settings -->\n\n| stale |\n\n<!-- end -->\n\nafter\n");
  assert.match(page, /^before\n\n<!-- settings -->\n\n\| Key \|/);
  assert.match(page, /\n\| `timeout` \| `-t, --timeout` \| `PILOTLIGHT_TIMEOUT` \| TIME \| 30s \| /);
  assert.match(page, /<!-- end -->\n\nafter\n$/);
  assert.doesNotMatch(page, /stale/);
  assert.equal(withTables(page), page);
});
