import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../test/support/properties.ts";
import { PartialHead } from "./partial-head.ts";

const LIMITS = {
  bodyMaxBytes: 1,
  headerMaxBytes: 4_000,
  targetMaxBytes: 1_000,
  headerTimeoutMs: 1,
  idleTransferTimeoutMs: 1,
  keepAliveTimeoutMs: 1,
  connectionMaxCount: 1,
};

test("a head is found at its end however it is cut, and nothing behind it is taken", () => {
  const head = `GET / HTTP/1.1\r\nHost: a\r\nX: ${"y".repeat(3_000)}\r\n\r\n`;
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 1_500 }), { minLength: 1, maxLength: 30 }), (sizes) => {
      const bytes = Buffer.from(`${head}BODY`);
      const partial = new PartialHead(LIMITS);
      let at = 0;
      for (let i = 0; ; i++) {
        const end = Math.min(bytes.length, at + (sizes[i % sizes.length] as number));
        const next = partial.append(bytes, at, end);
        assert.equal(typeof next, "number");
        if (next !== -1) {
          assert.equal(next, head.length);
          assert.equal(partial.text, head);
          return;
        }
        at = end;
      }
    }),
  );
});

test("what can't become a head any more is refused at once", () => {
  const verdict = (text: string) => {
    const next = new PartialHead(LIMITS).append(Buffer.from(text, "latin1"), 0, text.length);
    return typeof next === "object" ? next.status : next;
  };
  assert.equal(verdict("GET / HTTP/1.1\n"), 400);
  assert.equal(verdict("\x16\x03\x01"), 400);
  assert.equal(verdict(`GET /${"a".repeat(1_500)}`), 414);
  assert.equal(verdict(`GET / HTTP/1.1\r\n${"X: y\r\n".repeat(700)}`), 431);
  assert.equal(verdict("GET / HT"), -1);
});
