import assert from "node:assert/strict";
import { test } from "node:test";
import { firstHop, type Hop, nextHop, showHop } from "./redirects.ts";

const ORIGIN = "https://index.example";

function first(href: string, origin = ORIGIN): Hop {
  const hop = firstHop(href, origin);
  assert.ok(hop.ok, "the first address can be read");
  return hop.value;
}

function follow(from: Hop, ...locations: string[]): Hop {
  return locations.reduce((hop, location) => {
    const next = nextHop(hop, location);
    assert.ok(next.ok, next.ok ? "" : next.failure);
    return next.value;
  }, from);
}

function refusal(from: Hop, location: string | null): string {
  const next = nextHop(from, location);
  assert.ok(!next.ok, `${location} is refused`);
  return next.failure;
}

test("relative locations count from where the request is", () => {
  const hop = first("https://index.example/simple/numpy");
  assert.equal(follow(hop, "/simple/numpy/").url.href, "https://index.example/simple/numpy/");
  assert.equal(follow(hop, "//cdn.example/a", "b?c=d#e").url.href, "https://cdn.example/b?c=d");
});

test("credentials go along within the index's origin, and to no other host, port or scheme", () => {
  const hop = first("https://index.example/simple/a/");
  assert.equal(hop.isTrusted, true);
  assert.equal(follow(hop, "/other/").isTrusted, true);
  assert.equal(follow(hop, "https://index.example:443/x").isTrusted, true, "the default port, spelled out");
  for (const away of [
    "https://cdn.example/",
    "https://index.example:8443/",
    "https://index.example.evil.example/",
    "https://INDEX.example./",
  ]) {
    assert.equal(follow(hop, away).isTrusted, false, away);
  }
  assert.equal(follow(first("http://index.example/", "http://index.example"), "https://index.example/").isTrusted, false, "a scheme");
});

test("who was sent away and back again comes without credentials", () => {
  const hop = follow(first("https://index.example/simple/a/"), "https://evil.example/", "https://index.example/secret");
  assert.equal(hop.isTrusted, false);
  const fromElsewhere = first("https://cdn.example/a.whl");
  assert.equal(follow(fromElsewhere, "https://index.example/secret").isTrusted, false);
});

test("userinfo of an address is dropped, wherever it comes from", () => {
  const hop = follow(first("https://user:pass@index.example/a"), "https://other:word@index.example/b");
  assert.equal(hop.url.href, "https://index.example/b");
});

test("ten redirects are followed, the eleventh is refused", () => {
  let hop = first("https://index.example/0");
  for (let count = 1; count <= 10; count++) hop = follow(hop, `/${count}`);
  assert.match(refusal(hop, "/11"), /more than 10/);
});

test("loops, lost ways, other schemes and steps down to plain http are named", () => {
  const hop = first("https://index.example/a");
  assert.match(refusal(hop, "/a"), /loop/);
  assert.match(refusal(follow(hop, "/b"), "a#again"), /loop/);
  assert.match(refusal(hop, null), /without saying where/);
  assert.match(refusal(hop, "http://index.example/a"), /plain http/);
  assert.match(refusal(hop, "https://[bad"), /can't be read/);
  for (const scheme of ["ftp://index.example/a", "file:///etc/passwd", "data:,x", "javascript:1"])
    assert.match(refusal(hop, scheme), /not http/);
  assert.equal(firstHop("ftp://index.example/", ORIGIN).ok, false);
});

test("what is shown of an address holds no query and no path of elsewhere", () => {
  const hop = first("https://user:pass@index.example/a.whl?token=secret");
  assert.equal(showHop(hop), "https://index.example/a.whl");
  assert.equal(
    showHop(follow(hop, "https://cdn.example/secret-path?signature=secret")),
    "https://index.example/a.whl (redirected to https://cdn.example)",
  );
});
