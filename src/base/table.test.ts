import assert from "node:assert/strict";
import { test } from "node:test";
import { table } from "./table.ts";

test("columns line up, numbers to the right, without trailing blanks", () => {
  const text = table(
    [{ title: "NAME" }, { title: "CALLS", align: "right" }, { title: "NOTE" }],
    [
      ["hello", "12", ""],
      ["api/users", "7", "new"],
    ],
  );
  assert.equal(text, ["NAME       CALLS  NOTE", "hello         12", "api/users      7  new"].join("\n"));
});

test("colours take no room", () => {
  assert.equal(
    table(
      [{ title: "" }, { title: "" }],
      [
        ["\x1b[31mab\x1b[39m", "1"],
        ["abc", "2"],
      ],
    ),
    "\x1b[31mab\x1b[39m   1\nabc  2",
  );
});
