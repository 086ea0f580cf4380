import assert from "node:assert/strict";
import test from "node:test";
import { type ContentCoding, chooseCoding, negotiateCoding } from "./content-coding.ts";

const STATIC: ReadonlySet<ContentCoding> = new Set(["br", "gzip", "identity"]);
const ALL: ReadonlySet<ContentCoding> = new Set(["zstd", "br", "gzip", "identity"]);

test("the client's weights decide, then the smaller form", () => {
  assert.equal(chooseCoding("gzip, br", STATIC), "br");
  assert.equal(chooseCoding("gzip;q=1.0, br;q=0.9", STATIC), "gzip");
  assert.equal(chooseCoding("GZIP", STATIC), "gzip");
  assert.equal(chooseCoding("x-gzip", STATIC), "gzip");
  assert.equal(chooseCoding("*;q=0.5", STATIC), "br");
  assert.equal(chooseCoding("br;q=0, *", STATIC), "gzip");
  assert.equal(chooseCoding("identity;q=1, *;q=0.5", STATIC), "identity");
});

test("nothing said, nothing meant or nothing stored is the plain form", () => {
  assert.equal(chooseCoding(undefined, STATIC), "identity");
  assert.equal(chooseCoding("", STATIC), "identity");
  assert.equal(chooseCoding("br;q=nonsense", STATIC), "identity");
  assert.equal(chooseCoding("zstd, deflate", STATIC), "identity");
  assert.equal(chooseCoding("br, gzip", new Set<ContentCoding>(["identity"])), "identity");
});

test("zstd is preferred where it is prepared and taken", () => {
  assert.equal(chooseCoding("gzip, deflate, br, zstd", ALL), "zstd");
  assert.equal(chooseCoding("gzip, deflate", ALL), "gzip");
  assert.equal(chooseCoding("zstd;q=0.5, br", ALL), "br");
  assert.equal(chooseCoding("zstd;q=0, *", ALL), "br");
});

test("a client may refuse the plain form, and is told when there is no other", () => {
  const plain: ReadonlySet<ContentCoding> = new Set(["identity"]);
  for (const refusal of ["identity;q=0", "*;q=0", "gzip;q=0, *;q=0.000", "deflate, identity;q=0"]) {
    assert.equal(negotiateCoding(refusal, plain), null, refusal);
    assert.equal(chooseCoding(refusal, plain), "identity", refusal);
  }
  assert.equal(negotiateCoding("gzip, identity;q=0", ALL), "gzip");
  assert.equal(negotiateCoding("*, identity;q=0", ALL), "zstd");
  assert.equal(negotiateCoding("gzip, *;q=0", ALL), "gzip");
  assert.equal(negotiateCoding("identity, *;q=0", ALL), "identity");
  assert.equal(negotiateCoding("identity;q=0.1, *;q=0", plain), "identity");
  assert.equal(negotiateCoding("identity;q=nonsense", plain), "identity");
  assert.equal(negotiateCoding(undefined, plain), "identity");
  assert.equal(negotiateCoding("", plain), "identity");
  assert.equal(negotiateCoding("deflate", plain), "identity");
});
