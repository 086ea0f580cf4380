import assert from "node:assert/strict";
import { test } from "node:test";
import { RingBroken } from "./ring-broken.ts";
import {
  CAPACITY_MAX_BYTES,
  entryBytesOf,
  fileBytesOf,
  HEADER_BYTES,
  isCapacity,
  messageMaxBytesOf,
  readHeader,
  writeHeader,
} from "./ring-layout.ts";

const SHAPE = { capacityBytes: 65_536, hasCrc: true };

function page(change?: (page: Buffer) => void): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES, 0xaa);
  writeHeader(bytes, SHAPE);
  change?.(bytes);
  return bytes;
}

test("a header says what the protocol says it does", () => {
  const bytes = page();
  assert.equal(bytes.toString("latin1", 0, 8), "PLRING1\n");
  assert.deepEqual(
    [8, 12, 16, 20, 24].map((at) => bytes.readUInt32LE(at)),
    [1, 1, 65_536, 4_096, 4_096 + 65_536],
  );
  assert.ok(
    bytes.subarray(28).every((byte) => byte === 0),
    "the words begin as zeros",
  );
});

test("what was written is read", () => {
  for (const shape of [SHAPE, { capacityBytes: 4_096, hasCrc: false }]) {
    const bytes = page();
    writeHeader(bytes, shape);
    assert.deepEqual(readHeader(bytes, fileBytesOf(shape)), { ok: true, value: shape });
  }
});

const CORRUPTIONS: readonly (readonly [string, (page: Buffer) => void, RegExp])[] = [
  ["another magic", (bytes) => bytes.write("PLRING2\n"), /does not begin with PLRING1/],
  ["zeros", (bytes) => bytes.fill(0), /does not begin with PLRING1/],
  ["another version", (bytes) => bytes.writeUInt32LE(2, 8), /says version 2/],
  ["unknown flags", (bytes) => bytes.writeUInt32LE(0x8000_0001, 12), /unknown flags, 0x80000001/],
  ["a capacity that is no power of two", (bytes) => bytes.writeUInt32LE(65_528, 16), /says 65528 bytes/],
  ["no capacity", (bytes) => bytes.writeUInt32LE(0, 16), /says 0 bytes/],
  ["a capacity below a page", (bytes) => bytes.writeUInt32LE(2_048, 16), /says 2048 bytes/],
  ["a capacity above the bound", (bytes) => bytes.writeUInt32LE(2 ** 31, 16), /says 2147483648 bytes/],
  [
    "a capacity that its file does not hold",
    (bytes) => [bytes.writeUInt32LE(131_072, 16), bytes.writeUInt32LE(4_096 + 131_072, 24)],
    /has 135168 bytes where it says/,
  ],
  ["requests inside the header", (bytes) => bytes.writeUInt32LE(0, 20), /says data at 0 and/],
  ["answers over the requests", (bytes) => bytes.writeUInt32LE(4_096, 24), /says data at 4096 and 4096/],
];

for (const [what, change, says] of CORRUPTIONS) {
  test(`a header with ${what} is refused`, () => {
    const read = readHeader(page(change), fileBytesOf(SHAPE));
    assert.ok(!read.ok && read.failure instanceof RingBroken);
    assert.equal(read.failure.fault, "BAD_HEADER");
    assert.match(read.failure.message, says);
  });
}

test("a file shorter than a header, or than what its header says, is refused", () => {
  for (const bytes of [0, 1, HEADER_BYTES - 1]) assert.equal(readHeader(page().subarray(0, bytes), bytes).ok, false);
  assert.equal(readHeader(page(), fileBytesOf(SHAPE) - 1).ok, false);
});

test("an entry takes whole eights, and the longest message half a ring with what comes before it", () => {
  assert.deepEqual([0, 1, 8, 9].map(entryBytesOf), [8, 16, 16, 24]);
  assert.equal(entryBytesOf(messageMaxBytesOf(65_536)), 32_768);
});

test("capacities are powers of two within the bounds", () => {
  assert.deepEqual([4_096, 65_536, CAPACITY_MAX_BYTES].map(isCapacity), [true, true, true]);
  assert.deepEqual([0, 2_048, 5_000, 4_096.5, Number.NaN, 2 * CAPACITY_MAX_BYTES].map(isCapacity), [
    false,
    false,
    false,
    false,
    false,
    false,
  ]);
});
