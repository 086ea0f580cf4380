import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";
import { algorithmName, DIGEST_ALGORITHMS, digestAlgorithm, isDigestName, LINK_PREFERENCE } from "./digests.ts";

test("every algorithm of the table can be computed, and has the length that it says", () => {
  for (const { name, nodeName, length } of DIGEST_ALGORITHMS) {
    assert.equal(createHash(nodeName).update("").digest("hex").length, length, name);
    assert.equal(algorithmName(name), name);
    assert.ok(isDigestName(name));
  }
});

test("a link shows what installers check in links, each of it in its place", () => {
  const forLinks = DIGEST_ALGORITHMS.filter(({ isForLinks }) => isForLinks).map(({ name }) => name);
  assert.deepEqual([...LINK_PREFERENCE].sort(), forLinks.sort());
});

test("an algorithm has one spelling", () => {
  assert.equal(digestAlgorithm(algorithmName(" SHA3-512 "))?.nodeName, "sha3-512");
  assert.equal(digestAlgorithm(algorithmName("sha3_512"))?.nodeName, "sha3-512");
  assert.equal(digestAlgorithm("constructor"), undefined);
  for (const name of ["blake2b_256", "blake3"]) assert.ok(isDigestName(name), name);
  for (const name of ["egg", "sha", "", "__proto__"]) assert.ok(!isDigestName(name), name);
});
