import assert from "node:assert/strict";
import test from "node:test";
import { isValidHost, parseTarget } from "./request-target.ts";

test("targets come in three forms", () => {
  assert.deepEqual(parseTarget("GET", "/a?b=c"), { target: "/a?b=c", authority: null });
  assert.deepEqual(parseTarget("GET", "HTTP://Host:80/a"), { target: "/a", authority: "Host:80" });
  assert.deepEqual(parseTarget("GET", "https://host?a"), { target: "/?a", authority: "host" });
  assert.deepEqual(parseTarget("OPTIONS", "*"), { target: "*", authority: null });
});

test("every other form is refused", () => {
  for (const sent of ["", "a", "*", "/a#b", "/a b", "http://", "http:///a", "http://a@b/", "ftp://a/", "host:80", "/\x7f", "/\xe9"]) {
    assert.equal(parseTarget("GET", sent), null, sent);
  }
});

test("hosts are names, addresses and bracketed addresses with an optional port", () => {
  for (const host of ["a", "a.b-c.example:8080", "127.0.0.1", "[::1]", "[fe80::1]:80", "a:"]) assert.ok(isValidHost(host), host);
  for (const host of ["", ":80", "a b", "a/b", "a@b", "a:b", "a:123456", "::1", "[::1", "[]", "a\tb", "a#b", "a?b", `${"a".repeat(256)}`]) {
    assert.ok(!isValidHost(host), host);
  }
});
