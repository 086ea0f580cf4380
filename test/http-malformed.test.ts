/**
 * Malformed and hostile requests over raw sockets: each gets the status it
 * deserves, on a connection that closes after it, from a server that goes on.
 */
import assert from "node:assert/strict";
import test from "node:test";
import { answers, echo, LIMITS, say, serve, statusOf } from "./support/http.ts";

const CHUNKED = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

const REFUSED: readonly [status: number, what: string, bytes: string][] = [
  [400, "a bare line feed behind the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"],
  [400, "a head that ends with bare line feeds", "GET / HTTP/1.1\nHost: a\n\n"],
  [400, "a bare line feed behind a header", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"],
  [400, "a bare carriage return in a header value", "GET / HTTP/1.1\r\nHost: a\r\nX: y\rZ: 1\r\n\r\n"],
  [400, "a bare carriage return in the request line", "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n"],
  [400, "a folded header", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n"],
  [400, "a folded header behind the request line", "GET / HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n"],
  [400, "a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"],
  [400, "a tab before the colon of a length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length\t: 3\r\n\r\nabc"],
  [400, "a header without a colon", "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n"],
  [400, "a header without a name", "GET / HTTP/1.1\r\nHost: a\r\n: value\r\n\r\n"],
  [400, "a NUL in a header value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"],
  [400, "a NUL in a header name", "GET / HTTP/1.1\r\nHost: a\r\nX\0: a\r\n\r\n"],
  [400, "a NUL in the target", "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"],
  [400, "a control character in a header value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\n\r\n"],
  [400, "a non-ASCII header name", "GET / HTTP/1.1\r\nHost: a\r\nX\xe9: a\r\n\r\n"],
  [400, "no Host", "GET / HTTP/1.1\r\nX: y\r\n\r\n"],
  [400, "no header at all in 1.1", "GET / HTTP/1.1\r\n\r\n"],
  [400, "two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"],
  [400, "two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n"],
  [400, "an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"],
  [400, "a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"],
  [400, "a Host with user information", "GET / HTTP/1.1\r\nHost: me@a\r\n\r\n"],
  [400, "a list of Hosts", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"],
  [400, "a Host with a port of letters", "GET / HTTP/1.1\r\nHost: a:http\r\n\r\n"],
  [400, "two different lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"],
  [400, "the same length twice", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"],
  [400, "a list of lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc"],
  [400, "a length with a sign", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc"],
  [400, "a negative length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc"],
  [400, "a hexadecimal length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc"],
  [400, "an empty length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n"],
  [400, "a length beyond 64 bits", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n"],
  [400, "length and chunked", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  [400, "chunked and length", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"],
  [400, "chunked twice in a list", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"],
  [
    400,
    "two Transfer-Encodings",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  [400, "an empty Transfer-Encoding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n"],
  [400, "chunked with a parameter", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"],
  [400, "chunked with a vertical tab", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"],
  [400, "chunked in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  [501, "an unknown transfer coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"],
  [501, "a coding in front of chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"],
  [501, "identity", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n"],
  [501, "a misspelt chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"],
  [400, "a chunk size of letters", `${CHUNKED}zz\r\nabc\r\n0\r\n\r\n`],
  [400, "a chunk size with a sign", `${CHUNKED}+3\r\nabc\r\n0\r\n\r\n`],
  [400, "a chunk size with 0x", `${CHUNKED}0x3\r\nabc\r\n0\r\n\r\n`],
  [400, "a chunk size beyond 64 bits", `${CHUNKED}fffffffffffffffff\r\nabc\r\n0\r\n\r\n`],
  [400, "a space behind a chunk size", `${CHUNKED}3 \r\nabc\r\n0\r\n\r\n`],
  [400, "a chunk longer than its size", `${CHUNKED}3\r\nabcdef\r\n0\r\n\r\n`],
  [400, "a bare line feed behind a chunk size", `${CHUNKED}3\nabc\r\n0\r\n\r\n`],
  [400, "a bare line feed behind a chunk", `${CHUNKED}3\r\nabc\n0\r\n\r\n`],
  [400, "a bare carriage return in a chunk extension", `${CHUNKED}3;a\rb\r\nabc\r\n0\r\n\r\n`],
  [400, "an endless chunk extension", `${CHUNKED}3;${"x".repeat(40_000)}\r\nabc\r\n0\r\n\r\n`],
  [400, "trailers without end", `${CHUNKED}0\r\n${"X: y\r\n".repeat(5_000)}\r\n`],
  [400, "a target without a slash", "GET index.html HTTP/1.1\r\nHost: a\r\n\r\n"],
  [400, "a target with a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"],
  [400, "a target with a space", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"],
  [400, "a target with raw bytes", "GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n"],
  [400, "a star for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"],
  [400, "an absolute target with user information", "GET http://me@a/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  [400, "an absolute target of another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  [400, "no target", "GET  HTTP/1.1\r\nHost: a\r\n\r\n"],
  [400, "two spaces in the request line", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"],
  [400, "words instead of HTTP", "hello there\r\n\r\n"],
  [400, "a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
  [400, "a lower-case protocol name", "GET / http/1.1\r\nHost: a\r\n\r\n"],
  [505, "HTTP/2.0 by its preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  [505, "HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"],
  [505, "HTTP/0.9 by name", "GET / HTTP/0.9\r\nHost: a\r\n\r\n"],
  [501, "CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"],
  [501, "TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"],
  [501, "a method nobody knows", "FROBNICATE / HTTP/1.1\r\nHost: a\r\n\r\n"],
  [501, "a method in lower case", "get / HTTP/1.1\r\nHost: a\r\n\r\n"],
  [501, "a WebSocket upgrade", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"],
  [417, "an expectation nobody can meet", "POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 3\r\n\r\nabc"],
  [413, "a declared body over the limit", `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${LIMITS.bodyMaxBytes + 1}\r\n\r\n`],
  [414, "a target over the limit", `GET /${"a".repeat(LIMITS.targetMaxBytes)} HTTP/1.1\r\nHost: a\r\n\r\n`],
  [414, "a request line without end", `GET /${"a".repeat(40_000)}`],
  [431, "headers over the limit", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(LIMITS.headerMaxBytes)}\r\n\r\n`],
  [431, "headers without end", `GET / HTTP/1.1\r\nHost: a\r\n${"X: y\r\n".repeat(20_000)}`],
];

test("every malformed request is answered with its status and the connection closes", async (t) => {
  await using server = await serve(echo);
  for (const [status, what, bytes] of REFUSED) {
    await t.test(`${what}: ${status}`, async () => {
      const { text, closed } = await say(server.port, [bytes]);
      assert.equal(statusOf(text), status, text);
      assert.match(text, /\r\nconnection: close\r\n/);
      const body = JSON.parse(text.slice(text.indexOf("\r\n\r\n") + 4)) as { error: { code: string; message: string } };
      assert.match(body.error.code, /^[A-Z_]+$/);
      assert.notEqual(body.error.message, "");
      assert.equal(closed, true);
    });
  }
  const { text } = await say(server.port, ["GET /still HTTP/1.1\r\nHost: a\r\n\r\n"], answers(1));
  assert.equal(statusOf(text), 200);
  const { refusedByStatus } = server.listener.counters;
  assert.equal(refusedByStatus[400], REFUSED.filter(([status]) => status === 400).length);
  assert.equal(server.refused.length, REFUSED.length);
});

test("the verdict is the same when a malformed request comes byte by byte", async () => {
  await using server = await serve(echo);
  for (const [status, what, bytes] of REFUSED.filter(([, , bytes]) => bytes.length < 200)) {
    const { text } = await say(server.port, [...bytes]);
    assert.equal(statusOf(text), status, `${what}: ${text}`);
  }
});

test("a request smuggled behind a refused one is never seen", async () => {
  const seen: string[] = [];
  await using server = await serve((exchange) => {
    seen.push(exchange.target);
    exchange.respond(200, "", null);
  });
  for (const [, , bytes] of REFUSED) await say(server.port, [`${bytes}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`]);
  assert.deepEqual(
    seen.filter((target) => target === "/smuggled"),
    [],
  );
});

const ACCEPTED: readonly [what: string, bytes: string, target: string, host: string][] = [
  ["empty lines before the request", "\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n", "/a", "a"],
  ["an absolute target, whose host wins", "GET http://b:81/x?y HTTP/1.1\r\nHost: a\r\n\r\n", "/x?y", "b:81"],
  ["an absolute target without a path", "GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n", "/?q", "b"],
  ["OPTIONS for the whole server", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "*", "a"],
  ["an IPv6 host", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "/", "[::1]:8080"],
  ["HTTP/1.0 without a Host", "GET / HTTP/1.0\r\n\r\n", "/", ""],
  ["header values with bytes above ASCII", "GET / HTTP/1.1\r\nHost: a\r\nX: \xe9\r\n\r\n", "/", "a"],
  ["an upgrade that may be ignored", "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", "/", "a"],
  ["a chunk extension of ordinary length", `${CHUNKED}3;name=value\r\nabc\r\n0\r\nTrailer: dropped\r\n\r\n`, "/", "a"],
];

test("unusual but valid requests are served", async (t) => {
  await using server = await serve(echo);
  for (const [what, bytes, target, host] of ACCEPTED) {
    await t.test(what, async () => {
      const { text } = await say(server.port, [bytes], answers(1));
      assert.equal(statusOf(text), 200, text);
      const seen = JSON.parse(text.slice(text.indexOf("\r\n\r\n") + 4)) as { target: string; host: string };
      assert.deepEqual([seen.target, seen.host], [target, host]);
    });
  }
});

test("the host of an absolute target is the only one that anybody sees", async () => {
  await using server = await serve((exchange) => exchange.respond(200, "", exchange.headerBlock));
  const seen = async (request: string): Promise<string> =>
    (await say(server.port, [request])).text.split("\r\n\r\n").slice(1).join("\r\n\r\n");
  const behind = "Accept: b\r\nConnection: close\r\n";
  assert.equal(await seen(`GET http://evil.example/x HTTP/1.1\r\nhOst:  x \r\n${behind}\r\n`), `hOst:  evil.example\r\n${behind}`);
  assert.equal(await seen("GET http://b:81/ HTTP/1.0\r\nAccept: b\r\n\r\n"), "Host: b:81\r\nAccept: b\r\n");
});
