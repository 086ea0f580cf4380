import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../../test/support/properties.ts";
import { BLOCK_BYTES, MEMBER_MAX_BYTES, paddingBytes, parseTarHeader, tarHeader } from "./tar-format.ts";

test("a header is read back as it was written", () => {
  for (const member of [
    { name: "manifest.json", sizeBytes: 0 },
    { name: "x".repeat(100), sizeBytes: MEMBER_MAX_BYTES },
  ])
    assert.deepEqual(parseTarHeader(tarHeader(member)), { ok: true, value: member });
});

test("a header is what tar writes", () => {
  const header = tarHeader({ name: "a", sizeBytes: 8 }).toString("latin1");
  assert.equal(header.slice(100, 156).replaceAll("\0", "|"), "0000644|0000000|0000000|00000000010|00000000000|007337| ");
  assert.equal(header.slice(156, 157), "0");
  assert.equal(header.slice(257, 265), "ustar\x0000");
});

test("a block of zeros ends the archive", () => {
  assert.deepEqual(parseTarHeader(Buffer.alloc(BLOCK_BYTES)), { ok: true, value: null });
});

test("padding fills the last block", () => {
  assert.deepEqual([0, 1, 511, 512, 513].map(paddingBytes), [0, 511, 1, 0, 511]);
});

/** The header with a field written over and its checksum made right again. */
function withField(at: number, value: string): Buffer {
  const header = tarHeader({ name: "a", sizeBytes: 8 });
  header.write(value, at, "latin1");
  header.write("        ", 148, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\x00 `, 148, "latin1");
  return header;
}

test("links, devices, folders, long names and binary sizes are refused", () => {
  for (const type of ["1", "2", "3", "5", "6", "7", "x", "g", "L", "K", "S", "\0"])
    assert.equal(parseTarHeader(withField(156, type)).ok, false, type);
  assert.equal(parseTarHeader(withField(345, "folder")).ok, false);
  assert.equal(parseTarHeader(withField(124, "\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01")).ok, false);
  assert.equal(parseTarHeader(withField(124, "-0000000001\x00")).ok, false);
  assert.equal(parseTarHeader(withField(257, "ustar  \0")).ok, false);
  assert.equal(parseTarHeader(withField(0, "b")).ok, true);
});

test("no damage passes unseen or makes the reader throw", () => {
  const whole = tarHeader({ name: "content/abc", sizeBytes: 12_345 });
  fc.assert(
    fc.property(fc.nat(BLOCK_BYTES - 1), fc.nat(255), (at, value) => {
      const damaged = Buffer.from(whole);
      damaged[at] = value;
      const parsed = parseTarHeader(damaged);
      if (parsed.ok) assert.deepEqual(parsed.value, { name: "content/abc", sizeBytes: 12_345 });
    }),
    { numRuns: 3_000 },
  );
});
