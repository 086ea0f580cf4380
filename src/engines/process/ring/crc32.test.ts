import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "../../../../test/support/properties.ts";
import { crc32 } from "./crc32.ts";

test("the check value of CRC-32 is right", () => {
  assert.equal(crc32(Buffer.from("123456789"), 0, 9) >>> 0, 0xcbf4_3926);
  assert.equal(crc32(Buffer.alloc(0), 0, 0), 0);
});

test("any range of any bytes has the sum that zlib gives", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5_000 }), fc.nat(), fc.nat(), (bytes, one, other) => {
      const [from, to] = [one % (bytes.length + 1), other % (bytes.length + 1)].toSorted((a, b) => a - b) as [number, number];
      assert.equal(crc32(Buffer.from(bytes), from, to) >>> 0, zlibCrc32(bytes.subarray(from, to)));
    }),
  );
});
