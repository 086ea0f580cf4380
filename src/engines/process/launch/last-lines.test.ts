import assert from "node:assert/strict";
import { test } from "node:test";
import { LastLines } from "./last-lines.ts";

function linesOf(lines: readonly string[]): string[] {
  const last = new LastLines();
  for (const line of lines) last.add(line);
  return last.text().split("\n");
}

const PLACES = Array.from({ length: 12 }, (_, at) => `    at place ${at}`);

test("the last ten are kept", () => {
  assert.deepEqual(linesOf(PLACES), PLACES.slice(2));
  assert.deepEqual(linesOf([]), [""]);
});

test("the first that looks like an error stands before them", () => {
  const error = "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'pilotlight' imported from /functions/words";
  assert.deepEqual(linesOf(["starting", error, "Error: another", ...PLACES]), [error, "…", ...PLACES.slice(2)]);
});

test("it is there once where it is among the last, and none of what is indented below a headline", () => {
  const traceback = ["Traceback (most recent call last):", '  File "/f.py", line 1, in <module>', "ImportError: No module named numpy"];
  assert.deepEqual(linesOf(traceback), traceback);
  assert.deepEqual(linesOf(["    no error at all", ...PLACES]), PLACES.slice(2));
});

test("a line may be as long as it likes, and is kept in part", () => {
  assert.equal(linesOf(["x".repeat(100_000)])[0]!.length, 500);
});
