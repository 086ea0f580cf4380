import assert from "node:assert/strict";
import { test } from "node:test";
import { palette, printable } from "./terminal.ts";

test("colours appear on a terminal and nowhere else", () => {
  assert.equal(palette({ isTTY: true }, {}).red("x"), "\x1b[31mx\x1b[39m");
  assert.equal(palette({}, {}).red("x"), "x");
  assert.equal(palette({ isTTY: true }, { NO_COLOR: "1" }).red("x"), "x");
  assert.equal(palette({}, { FORCE_COLOR: "1" }).red("x"), "\x1b[31mx\x1b[39m");
});

test("escape sequences from outside are shown, not obeyed", () => {
  assert.equal(printable("a\x1b[2Jb\r\nc\td\x9b"), "a\\x1b[2Jb\\x0d\nc\td\\x9b");
});
