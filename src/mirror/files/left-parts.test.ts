import assert from "node:assert/strict";
import test from "node:test";
import { GIB } from "../../base/units.ts";
import { Digest } from "./digest.ts";
import { type LeftPart, LeftParts } from "./left-parts.ts";
import type { Spool } from "./spool.ts";

/** What was discarded and released, in order. */
const gone: string[] = [];

function part(name: string, sizeBytes = 1): LeftPart {
  const spool = { partial: { discard: async () => void gone.push(`discard ${name}`) }, release: () => void gone.push(`release ${name}`) };
  return { spool: spool as unknown as Spool, digest: new Digest({}), sizeBytes, totalBytes: null };
}

test("whoever takes a part has it alone, and it stays open", () => {
  const parts = new LeftParts();
  const one = part("one");
  parts.put("one", one);
  assert.equal(parts.take("one"), one);
  assert.equal(parts.take("one"), null);
  assert.deepEqual(gone.splice(0), []);
});

test("beyond sixteen, or a gigabyte, the oldest go, file and all; the newest stays whatever it weighs", () => {
  const parts = new LeftParts();
  for (let count = 0; count <= 16; count++) parts.put(`${count}`, part(`${count}`));
  assert.equal(parts.count, 16);
  assert.deepEqual(gone.splice(0), ["release 0", "discard 0"]);
  parts.put("huge", part("huge", 2 * GIB));
  assert.equal(parts.count, 1);
  gone.splice(0);
  parts.put("small", part("small"));
  assert.deepEqual(gone.splice(0), ["release huge", "discard huge"]);
});

test("a part that comes again takes the place of the one before, and clearing leaves none", async () => {
  const parts = new LeftParts();
  parts.put("one", part("old"));
  parts.put("one", part("new"));
  assert.deepEqual(gone.splice(0), ["release old", "discard old"]);
  await parts.clear();
  assert.equal(parts.count, 0);
  assert.deepEqual(gone.splice(0), ["release new", "discard new"]);
});
