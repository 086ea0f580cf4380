import assert from "node:assert/strict";
import { test } from "node:test";
import { createGuard } from "./admin-guard.ts";

const loopback = createGuard({ host: "127.0.0.1", port: 8081, named: false, token: null, tls: null });
const guarded = createGuard({ host: "192.0.2.7", port: 8081, named: false, token: "s3cret", tls: null });

test("on loopback the host's own names get in", () => {
  for (const host of ["127.0.0.1:8081", "localhost:8081", "localhost", "LOCALHOST:1", "[::1]:8081"]) {
    assert.equal(loopback({ host }), null, host);
  }
});

test("a name that was rebound to loopback is refused", () => {
  for (const host of ["evil.example:8081", "127.0.0.1.evil.example", "localhost.evil.example:8081", "", "127.0.0.1:8081:x", "[::1"]) {
    assert.equal(loopback({ host })?.code, "ADMIN_HOST", host);
  }
  assert.equal(loopback({})?.status, 403);
});

test("a web page is refused whatever it says of itself", () => {
  const host = "127.0.0.1:8081";
  assert.equal(loopback({ host, origin: "https://evil.example" })?.code, "ADMIN_ORIGIN");
  assert.equal(loopback({ host, origin: "null" })?.code, "ADMIN_ORIGIN");
  assert.equal(loopback({ host, "sec-fetch-site": "cross-site" })?.code, "ADMIN_ORIGIN");
  assert.equal(loopback({ host, origin: "http://127.0.0.1:8081", "sec-fetch-site": "same-origin" }), null);
});

test("the token is required where one is configured, and only the whole token will do", () => {
  const host = "192.0.2.7:8081";
  assert.equal(guarded({ host, authorization: "Bearer s3cret" }), null);
  assert.equal(guarded({ host })?.status, 401);
  for (const authorization of ["", "Bearer", "Bearer s3cre", "Bearer s3cret2", "Basic s3cret", "s3cret"]) {
    assert.equal(guarded({ host, authorization })?.status, 401, authorization);
  }
});
