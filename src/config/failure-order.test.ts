import assert from "node:assert/strict";
import { test } from "node:test";
import { inOrderOfLines } from "./failure-order.ts";

test("failures of one file are told in the order of their lines, those of no file first", () => {
  const at = (file: string, line?: number, column?: number) => ({ code: "X", message: "", at: { file, line, column } as { file: string } });
  const flag = { code: "FLAG", message: "" };
  const [b9, b2, a5, a1, a1early] = [at("b", 9), at("b", 2), at("a", 5), at("a", 1, 7), at("a", 1, 2)];
  const unreadable = at("c");
  assert.deepEqual(inOrderOfLines([b9, a5, flag, a1, b2, unreadable, a1early]), [flag, unreadable, b2, b9, a1early, a1, a5]);
});
