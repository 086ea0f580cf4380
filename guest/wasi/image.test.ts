import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../test/support/properties.ts";
import { Image } from "./image.ts";
import { pageScanOf } from "./page-scan.ts";
import type { Exports, Memory } from "./webassembly.ts";

const WASM_PAGE_BYTES = 64 * 1024;
const PAGE_BYTES = 4096;
/** More than an image is restored before it is looked at more closely. */
const RESTORES = 20;

function newMemory(pages: number): Memory {
  const { Memory } = (globalThis as unknown as { WebAssembly: { Memory: new (limits: { initial: number }) => Memory } }).WebAssembly;
  return new Memory({ initial: pages });
}

function exportsOf(memory: Memory): Exports {
  return { "pilotlight:memory:0": memory };
}

test("a page is zero when every byte of it is", () => {
  const memory = newMemory(1);
  const bytes = new Uint8Array(memory.buffer);
  const isZero = pageScanOf(memory);
  assert.equal(isZero(0, WASM_PAGE_BYTES), 1);
  for (const at of [0, 1, 7, 8, 31, 32, 4095, 4096, WASM_PAGE_BYTES - 1]) {
    bytes[at] = 1;
    const page = at - (at % PAGE_BYTES);
    assert.equal(isZero(page, page + PAGE_BYTES), 0, `a byte at ${at}`);
    assert.equal(isZero(0, WASM_PAGE_BYTES), 0);
    bytes[at] = 0;
  }
  assert.equal(isZero(0, WASM_PAGE_BYTES), 1);
});

test("whatever pages were in use and whatever a request wrote, memory is as it was", () => {
  const pageCount = (3 * WASM_PAGE_BYTES) / PAGE_BYTES;
  const page = fc.nat({ max: pageCount - 1 });
  fc.assert(
    fc.property(
      fc.array(page),
      fc.array(fc.array(page, { maxLength: 8 }), { minLength: RESTORES, maxLength: RESTORES }),
      (used, requests) => {
        const memory = newMemory(3);
        const bytes = new Uint8Array(memory.buffer);
        for (const at of used) bytes[at * PAGE_BYTES + (at % PAGE_BYTES)] = 1 + at;
        const before = bytes.slice();
        const bound = new Image(exportsOf(memory)).bind(exportsOf(memory));
        for (const written of requests) {
          for (const at of written) bytes.fill(0xee, at * PAGE_BYTES, (at + 1) * PAGE_BYTES);
          assert.equal(bound.restore(), true);
          assert.deepEqual(bytes, before);
        }
      },
    ),
    { numRuns: 50 },
  );
});

test("a memory that has grown can't be put back; one that is smaller grows to the image", () => {
  const memory = newMemory(2);
  new Uint8Array(memory.buffer)[WASM_PAGE_BYTES + 5] = 9;
  const image = new Image(exportsOf(memory));
  const smaller = newMemory(1);
  assert.equal(image.bind(exportsOf(smaller)).restore(), true);
  assert.equal(new Uint8Array(smaller.buffer)[WASM_PAGE_BYTES + 5], 9);
  memory.grow(1);
  assert.equal(image.bind(exportsOf(memory)).restore(), false);
});
