import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";
import { Digest } from "./digest.ts";

const content = Buffer.from("the content of a wheel");
const hashed = (algorithm: string): string => createHash(algorithm).update(content).digest("hex");

function digestOf(wanted: Record<string, string>) {
  const digest = new Digest(wanted);
  digest.update(content.subarray(0, 7));
  digest.update(content.subarray(7));
  return digest.finish();
}

test("content with the promised SHA-256 passes, in any case of its letters", () => {
  const sha256 = hashed("sha256");
  assert.deepEqual(digestOf({ sha256 }), { sha256, checked: true, mismatch: null });
  assert.equal(digestOf({ sha256: sha256.toUpperCase() }).mismatch, null);
});

test("without a SHA-256 the strongest other hash is checked", () => {
  const wrong = "0".repeat(32);
  assert.equal(digestOf({ md5: wrong, sha512: hashed("sha512") }).mismatch, null);
  assert.deepEqual(digestOf({ md5: wrong }).mismatch, { algorithm: "md5", wanted: wrong, got: hashed("md5") });
  assert.equal(digestOf({ blake2b: hashed("blake2b512") }).mismatch, null);
});

test("a right weaker hash does not excuse a wrong SHA-256", () => {
  const wrong = "0".repeat(64);
  assert.equal(digestOf({ sha256: wrong, md5: hashed("md5") }).mismatch?.algorithm, "sha256");
});

test("content without a hash that can be checked says so", () => {
  assert.equal(digestOf({}).checked, false);
  assert.equal(digestOf({ whirlpool: "00" }).checked, false);
});
