import assert from "node:assert/strict";
import { test } from "node:test";
import { isPassing } from "../failures.ts";
import { bodyFailure, headFailure, type Spot } from "./network-fault.ts";
import { AddressRefused } from "./reach.ts";

const SPOT: Spot = {
  url: "https://index.example/simple/",
  host: "index.example",
  proxyHost: null,
  connectTimeoutMs: 3_000,
  readTimeoutMs: 20_000,
  headMaxBytes: 65_536,
};

function coded(code: string, message = "secret 10.0.0.7:443", cause?: unknown): Error {
  return Object.assign(new Error(message, cause === undefined ? {} : { cause }), { code });
}

test("what happened is said in words, without the message of whoever threw it", () => {
  for (const [code, words] of [
    ["ECONNREFUSED", "connection refused"],
    ["ENOTFOUND", "no such host index.example"],
    ["EHOSTUNREACH", "no route to the host"],
    ["CERT_HAS_EXPIRED", "certificate not trusted: it has expired"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "certificate not trusted: self-signed; give --ca-file"],
    ["EODD", "the connection failed (EODD)"],
  ] as const) {
    assert.deepEqual(headFailure(coded(code), SPOT), { code: "UPSTREAM_UNREACHABLE", url: SPOT.url, reason: words });
  }
  assert.match(JSON.stringify(headFailure("thrown by hand", SPOT)), /unknown/);
});

test("of several addresses that were tried in vain, and of causes within causes, the first known one counts", () => {
  const tried = new AggregateError([coded("ECONNREFUSED"), coded("EHOSTUNREACH")]);
  assert.match(JSON.stringify(headFailure(tried, SPOT)), /connection refused/);
  assert.match(JSON.stringify(headFailure(coded("UND_ERR", "x", coded("CERT_HAS_EXPIRED")), SPOT)), /expired/);
  const circular = coded("EODD");
  circular.cause = circular;
  assert.match(JSON.stringify(headFailure(circular, SPOT)), /EODD/);
});

test("time-outs tell which time it was", () => {
  assert.deepEqual(headFailure(coded("UND_ERR_CONNECT_TIMEOUT"), SPOT), { code: "UPSTREAM_TIMEOUT", url: SPOT.url, timeoutMs: 3_000 });
  assert.deepEqual(headFailure(coded("UND_ERR_HEADERS_TIMEOUT"), SPOT), { code: "UPSTREAM_TIMEOUT", url: SPOT.url, timeoutMs: 20_000 });
  assert.deepEqual(bodyFailure(coded("UND_ERR_BODY_TIMEOUT"), SPOT, 5, 10), { code: "UPSTREAM_TIMEOUT", url: SPOT.url, timeoutMs: 20_000 });
});

test("whatever else breaks a body off has truncated it, which may pass", () => {
  const failure = bodyFailure(coded("ECONNRESET"), SPOT, 5, 10);
  assert.deepEqual(failure, { code: "UPSTREAM_TRUNCATED", url: SPOT.url, gotBytes: 5, wantedBytes: 10 });
  assert.ok(isPassing(failure));
});

test("an address that may not be reached and an answer that is no HTTP don't pass", () => {
  const refused = headFailure(new AddressRefused("it leads to 10.0.0.7, a private address"), SPOT);
  assert.equal(refused.code, "UPSTREAM_REDIRECTS");
  assert.equal(isPassing(refused), false);
  const malformed = headFailure(Object.assign(new Error("Expected HTTP/"), { name: "HTTPParserError" }), SPOT);
  assert.equal(malformed.code, "UPSTREAM_MALFORMED");
  assert.equal(isPassing(malformed), false);
});

test("a proxy is named, where it stands between", () => {
  const spot = { ...SPOT, proxyHost: "proxy.example:3128" };
  assert.match(JSON.stringify(headFailure(coded("ECONNREFUSED"), spot)), /connection refused \(by way of the proxy proxy\.example:3128\)/);
  assert.match(JSON.stringify(headFailure(coded("ENOTFOUND"), spot)), /no such host proxy\.example:3128/);
  const refused = coded("UND_ERR_ABORTED", "Proxy response (403) !== 200 when HTTP Tunneling");
  assert.match(JSON.stringify(headFailure(refused, spot)), /the proxy answered 403/);
});
