import assert from "node:assert/strict";
import test from "node:test";
import { headerPairs, hopByHopNames } from "./hop-by-hop.ts";

test("the standing hop-by-hop names and those Connection lists are left out", () => {
  const names = hopByHopNames(["X-Private, close", " Other "]);
  for (const name of ["connection", "transfer-encoding", "te", "x-private", "close", "other"]) assert.ok(names.has(name), name);
  assert.ok(!hopByHopNames([]).has("x-private"));
});

test("a header block is split into trimmed pairs, colons in values kept", () => {
  assert.deepEqual(headerPairs("Host: a:80\r\nX:\r\nY:  b \r\n"), [
    ["Host", "a:80"],
    ["X", ""],
    ["Y", "b"],
  ]);
});
