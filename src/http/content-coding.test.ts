import assert from "node:assert/strict";
import test from "node:test";
import { type ContentCoding, chooseCoding } from "./content-coding.ts";

const ALL: ReadonlySet<ContentCoding> = new Set(["br", "gzip", "identity"]);

test("the client's weights decide, then the smaller form", () => {
  assert.equal(chooseCoding("gzip, br", ALL), "br");
  assert.equal(chooseCoding("gzip;q=1.0, br;q=0.9", ALL), "gzip");
  assert.equal(chooseCoding("GZIP", ALL), "gzip");
  assert.equal(chooseCoding("x-gzip", ALL), "gzip");
  assert.equal(chooseCoding("*;q=0.5", ALL), "br");
  assert.equal(chooseCoding("br;q=0, *", ALL), "gzip");
  assert.equal(chooseCoding("identity;q=1, *;q=0.5", ALL), "identity");
});

test("nothing said, nothing meant or nothing stored is the plain form", () => {
  assert.equal(chooseCoding(undefined, ALL), "identity");
  assert.equal(chooseCoding("", ALL), "identity");
  assert.equal(chooseCoding("br;q=nonsense", ALL), "identity");
  assert.equal(chooseCoding("zstd, deflate", ALL), "identity");
  assert.equal(chooseCoding("br, gzip", new Set<ContentCoding>(["identity"])), "identity");
});
