import assert from "node:assert/strict";
import test from "node:test";
import { preflightLines } from "./cors.ts";

function request(method: string, headers: Record<string, string>) {
  return { method, header: (name: string) => headers[name] };
}

const PREFLIGHT = { origin: "https://app.example", "access-control-request-method": "PUT" };

test("a preflight is allowed for a while and varies by what it asked", () => {
  const lines = preflightLines(request("OPTIONS", { ...PREFLIGHT, "access-control-request-headers": "X-One, authorization" })) as string;
  assert.match(lines, /^access-control-allow-origin: \*\r\n/);
  assert.match(lines, /access-control-allow-methods: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n/);
  assert.match(lines, /access-control-allow-headers: X-One, authorization\r\n/);
  assert.match(lines, /access-control-max-age: 600\r\n/);
  assert.match(lines, /vary: origin, access-control-request-method, access-control-request-headers\r\n$/);
});

test("a preflight that asks for no headers, or for none that could be echoed, gets the usual two", () => {
  for (const asked of [undefined, "", "x y", "a,,b", 'a"b', "x".repeat(5_000)]) {
    const headers = asked === undefined ? PREFLIGHT : { ...PREFLIGHT, "access-control-request-headers": asked };
    assert.match(preflightLines(request("OPTIONS", headers)) as string, /access-control-allow-headers: content-type, authorization\r\n/);
  }
});

test("an OPTIONS request without origin or method, and any other method, is no preflight", () => {
  assert.equal(preflightLines(request("OPTIONS", {})), null);
  assert.equal(preflightLines(request("OPTIONS", { origin: "https://a" })), null);
  assert.equal(preflightLines(request("GET", PREFLIGHT)), null);
});
