import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../../test/support/properties.ts";
import { resolveAddress, resolveAll } from "./address.ts";

const BASE = "https://index.example/simple/foo/";

test("relative addresses are joined with the page's", () => {
  for (const [reference, href] of [
    ["foo-1.0.whl", "https://index.example/simple/foo/foo-1.0.whl"],
    ["../../files/foo-1.0.whl", "https://index.example/files/foo-1.0.whl"],
    ["/files/foo-1.0.whl", "https://index.example/files/foo-1.0.whl"],
    ["//files.example/foo-1.0.whl", "https://files.example/foo-1.0.whl"],
    ["http://files.example/foo-1.0.whl?a=b", "http://files.example/foo-1.0.whl?a=b"],
    ["  /a\nb ", "https://index.example/ab"],
  ] as const) {
    assert.equal(resolveAddress(reference, BASE)?.href, href, reference);
  }
});

test("fragment and last segment are told apart", () => {
  assert.deepEqual(resolveAddress("/a/foo%2B1.whl?x=/y#sha256=00&a", BASE), {
    href: "https://index.example/a/foo%2B1.whl?x=/y",
    fragment: "sha256=00&a",
    lastSegment: "foo%2B1.whl",
  });
  assert.equal(resolveAddress("/a#", BASE)?.href, "https://index.example/a");
});

test("credentials are in no address, not even those of the base", () => {
  for (const [reference, base] of [
    ["https://user:secret@files.example/a", BASE],
    ["a", "https://user:secret@index.example/simple/foo/"],
    ["https://:secret@files.example/a", BASE],
    ["https://secret@files.example/a", BASE],
  ] as const) {
    assert.doesNotMatch(resolveAddress(reference, base)?.href ?? "", /secret|@|user/, reference);
  }
});

test("only addresses of the web are addresses", () => {
  for (const reference of [
    "file:///etc/passwd",
    "ftp://a/b",
    "javascript:alert(1)",
    "data:text/html,x",
    "mailto:a@b",
    "http://",
    "x".repeat(8193),
    null,
    7,
    {},
  ]) {
    assert.equal(resolveAddress(reference, BASE), null, String(reference));
  }
  assert.equal(resolveAddress("a", "no base"), null);
});

test("lists keep what is an address, once", () => {
  assert.deepEqual(resolveAll(["https://a.example/x/", "file:///x", 7, "https://u@a.example/x/", "/y/"], BASE), [
    "https://a.example/x/",
    "https://index.example/y/",
  ]);
  assert.deepEqual(resolveAll("https://a.example/", BASE), []);
});

test("whatever the reference, an address is absolute and of the web", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.webUrl({ withFragments: true, withQueryParameters: true })), (reference) => {
      const address = resolveAddress(reference, BASE);
      assert.ok(address === null || (/^https?:\/\/[^/@]/.test(address.href) && !address.href.includes("#")));
    }),
  );
});
