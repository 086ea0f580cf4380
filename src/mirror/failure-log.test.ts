import assert from "node:assert/strict";
import { test } from "node:test";
import { oncePerFailure } from "./failure-log.ts";
import type { UpstreamFailure } from "./failures.ts";

test("of a failure the first line is told, with its code; another failure, and what is none, are told as ever", () => {
  const lines: unknown[] = [];
  const log = oncePerFailure((...line) => lines.push(line));
  const failure: UpstreamFailure = { code: "UPSTREAM_TIMEOUT", url: "https://index.example/simple/", timeoutMs: 1 };
  log("warn", "the index is down", { index: "index-1", failure });
  log("warn", "no page", { project: "one", failure });
  log("warn", "no page", { project: "one", failure: { ...failure } });
  for (let count = 0; count < 2; count++) log("info", "other", { path: "/" });
  log("info", "bare");
  assert.deepEqual(lines, [
    ["warn", "the index is down", { index: "index-1", code: "UPSTREAM_TIMEOUT" }],
    ["warn", "no page", { project: "one", code: "UPSTREAM_TIMEOUT" }],
    ["info", "other", { path: "/" }],
    ["info", "other", { path: "/" }],
    ["info", "bare", {}],
  ]);
});
