import assert from "node:assert/strict";
import { test } from "node:test";
import { stripCustomSections, withNames } from "./custom-sections.ts";

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const TYPES = [1, 4, 1, 0x60, 0, 0];

function custom(name: string, ...content: number[]): number[] {
  // A size of two bytes, as a writer may spell any.
  const body = [name.length, ...Buffer.from(name), ...content];
  return [0, (body.length & 0x7f) | 0x80, body.length >> 7, ...body];
}

test("custom sections are taken out wherever they lie, and the names come back whole", () => {
  const names = custom("name", 7, 7);
  const module = Buffer.from([...HEADER, ...custom("first"), ...TYPES, ...names, ...custom("producers", ...Array<number>(200).fill(1))]);
  const stripped = stripCustomSections(module);
  assert.deepEqual([...stripped.bytes], [...HEADER, ...TYPES]);
  assert.deepEqual([...withNames(stripped.bytes, stripped.names)], [...HEADER, ...TYPES, ...names]);
});

test("a module without names gets none", () => {
  const { bytes, names } = stripCustomSections(Buffer.from([...HEADER, ...TYPES, ...custom("names")]));
  assert.equal(names, null);
  assert.deepEqual([...withNames(bytes, names)], [...HEADER, ...TYPES]);
});
