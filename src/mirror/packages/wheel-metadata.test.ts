import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import fc from "../../../test/support/properties.ts";
import { wheelArchive, type ZipMember, zipArchive } from "../../../test/support/zip-archive.ts";
import type { Result } from "../../base/result.ts";
import { MIB } from "../../base/units.ts";
import { readRequiresPython } from "./wheel-metadata.ts";

const dir = mkdtempSync(join(tmpdir(), "pilotlight-wheel-"));
after(() => rmSync(dir, { recursive: true }));

function read(bytes: Uint8Array): Result<string | null, string> {
  const path = join(dir, "file.whl");
  writeFileSync(path, bytes);
  const fd = openSync(path, "r");
  try {
    return readRequiresPython(fd, bytes.length);
  } finally {
    closeSync(fd);
  }
}

const METADATA = "demo-1.0.dist-info/METADATA";

function readMembers(...members: readonly ZipMember[]): string | null {
  const result = read(zipArchive(members));
  assert.ok(result.ok);
  return result.value;
}

test("a wheel's Requires-Python is read, packed or stored, behind any comment", () => {
  assert.deepEqual(read(wheelArchive("demo", "1.0", ["Requires-Python: >=3.8, <4"])), { ok: true, value: ">=3.8, <4" });
  assert.equal(readMembers({ name: METADATA, content: "Name: demo\r\nREQUIRES-PYTHON:>=3\r\n", isStored: true }), ">=3");
  const commented = zipArchive([{ name: METADATA, content: "Requires-Python: >=3" }], `PK\x05\x06${"x".repeat(60_000)}`);
  assert.deepEqual(read(commented), { ok: true, value: ">=3" });
});

test("what the description says is not read", () => {
  assert.deepEqual(read(wheelArchive("demo", "1.0")), { ok: true, value: null });
});

test("an archive without metadata that can be read tells nothing", () => {
  assert.equal(readMembers({ name: "demo/METADATA", content: "Requires-Python: >=3" }), null);
  assert.equal(readMembers({ name: `x/${METADATA}`, content: "Requires-Python: >=3" }), null);
  assert.equal(readMembers({ name: METADATA, content: "Requires-Python: >=3", flags: 1 }), null);
  assert.equal(readMembers({ name: METADATA, content: "Requires-Python: >=3" }, { name: `b${METADATA}`, content: "" }), null);
  assert.equal(readMembers({ name: METADATA, content: `Requires-Python: ${"9".repeat(1_000)}` }), null);
  assert.equal(readMembers({ name: METADATA, content: "Requires-Python: UNKNOWN" }), null);
});

test("a bomb is not unpacked", () => {
  assert.equal(readMembers({ name: METADATA, content: `Requires-Python: >=3\n${" ".repeat(8 * MIB)}` }), null);
});

test("a part of a wheel is no wheel, whatever its length", () => {
  const whole = wheelArchive("demo", "1.0", ["Requires-Python: >=3"]);
  for (let length = 0; length < whole.length; length += 7) {
    const result = read(whole.subarray(0, length));
    assert.ok(!result.ok && /not complete/.test(result.failure), `${length} bytes`);
  }
});

test("a directory that lies outside of the file is told", () => {
  const whole = wheelArchive("demo", "1.0");
  whole.writeUInt32LE(whole.length, whole.length - 6);
  const result = read(whole);
  assert.ok(!result.ok && /damaged/.test(result.failure));
});

test("no damage makes the reader throw", () => {
  const whole = wheelArchive("demo", "1.0", ["Requires-Python: >=3"]);
  const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(damage, (changes) => {
      const damaged = Buffer.from(whole);
      for (const [at, value] of changes) damaged[at] = value;
      read(damaged);
    }),
    { numRuns: 200 },
  );
});
