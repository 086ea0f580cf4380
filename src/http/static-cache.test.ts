import assert from "node:assert/strict";
import test from "node:test";
import { StaticCache, type StaticFile } from "./static-cache.ts";

function file(heldBytes: number): StaticFile {
  return { fingerprint: "", lastModifiedMs: 0, codings: new Set(), forms: {}, heldBytes, checkedAtMs: 0 };
}

test("the least recently used file goes first, and a hit is a use", () => {
  const cache = new StaticCache(30);
  for (const path of ["a", "b", "c"]) cache.set(path, file(10));
  cache.get("a");
  cache.set("d", file(10));
  assert.equal(cache.get("b"), undefined);
  for (const path of ["a", "c", "d"]) assert.notEqual(cache.get(path), undefined, path);
  assert.equal(cache.heldBytes, 30);
});

test("a file larger than the cache is not kept and pushes nothing out", () => {
  const cache = new StaticCache(30);
  cache.set("a", file(10));
  cache.set("big", file(31));
  assert.equal(cache.get("big"), undefined);
  assert.notEqual(cache.get("a"), undefined);
});

test("replacing and deleting keep the sum right", () => {
  const cache = new StaticCache(100);
  cache.set("a", file(10));
  cache.set("a", file(25));
  assert.equal(cache.heldBytes, 25);
  cache.delete("a");
  cache.delete("a");
  assert.equal(cache.heldBytes, 0);
});
