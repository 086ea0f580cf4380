import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../test/support/properties.ts";
import { dateLine, responsePrefix } from "./response-head.ts";

test("whatever lines a function gives, the head stays one head", () => {
  const piece = fc.oneof(
    fc.constantFrom("a: b", "x-y:", "\r\n", "\n", "\r", ": ", "content-length: 3", "Transfer-Encoding: chunked", "\0"),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), fc.integer({ min: 0, max: 700 }), (pieces, status) => {
      const prefix = responsePrefix(status, pieces.join(""));
      if (prefix === null) return;
      assert.ok(status >= 200 && status <= 599);
      const lines = prefix.text.split("\r\n");
      assert.equal(lines.pop(), "");
      assert.match(lines.shift() as string, /^HTTP\/1\.1 \d{3} [ -~]+$/);
      for (const line of lines) {
        assert.match(line, /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*$/);
        assert.doesNotMatch(line, /^(content-length|transfer-encoding):/i);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("the same lines give the same prepared head, also after thousands of others", () => {
  const first = responsePrefix(200, "x: 1\r\n");
  assert.equal(responsePrefix(200, "x: 1\r\n"), first);
  for (let i = 0; i < 3_000; i++) responsePrefix(200, `x-${i}: 1\r\n`);
  assert.deepEqual(responsePrefix(200, "x: 1\r\n"), first);
  assert.equal(responsePrefix(404, "x: 1\r\n")?.text, "HTTP/1.1 404 Not Found\r\nx: 1\r\n");
});

test("a dropped content-length is remembered as a hint", () => {
  assert.equal(responsePrefix(200, "a: b\r\nContent-Length: 12\r\n")?.lengthHint, 12);
  assert.equal(responsePrefix(200, "content-length: 12, 13\r\n")?.lengthHint, null);
  assert.equal(responsePrefix(200, "x-content-length: 12\r\n")?.lengthHint, null);
});

test("the date line is an HTTP date of now", () => {
  const date = /^date: (\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT)\r\n$/.exec(dateLine())?.[1];
  assert.ok(Math.abs(Date.parse(date as string) - Date.now()) < 5_000);
});
