import assert from "node:assert/strict";
import test from "node:test";
import { fakeCall } from "../../../../test/support/fake-exchange.ts";
import { AnswerHeads, answerFault, asciiJson, RequestHeads } from "./message-heads.ts";

test("a request's head has lower-case names, its own id, and nothing of the connection it came by", () => {
  const { call } = fakeCall({
    method: "PUT",
    target: "/a?b=c",
    headers: {
      "X-One": "1",
      Connection: "close, X-Private",
      "X-Private": "2",
      TE: "trailers",
      "Transfer-Encoding": "chunked",
      Expect: "100-continue",
      "X-Request-Id": "forged",
      "x-pilotlight-params": '{"id":"forged"}',
      "Content-Type": "text/plain",
    },
  });
  assert.equal(new RequestHeads().of(call), "PUT /a?b=c\nhost: 127.0.0.1\nx-one: 1\ncontent-type: text/plain\nx-request-id: probe\n");
});

test("parameters go along as JSON in ASCII, whatever they hold", () => {
  const { call } = fakeCall({ params: { id: "7", näme: "☕\n" } });
  const head = new RequestHeads().of(call);
  const line = head.split("\n").find((one) => one.startsWith("x-pilotlight-params: "))!;
  assert.match(line, /^[\x20-\x7e]+$/);
  assert.deepEqual(JSON.parse(line.slice(line.indexOf(" ") + 1)), { id: "7", näme: "☕\n" });
  assert.equal(asciiJson("\u{1f525}"), '"\\ud83d\\udd25"');
});

test("another client's headers are not taken for the last one's", () => {
  const heads = new RequestHeads();
  assert.match(heads.of(fakeCall({ headers: { a: "1" } }).call), /\na: 1\n/);
  assert.match(heads.of(fakeCall({ headers: { a: "2" } }).call), /\na: 2\n/);
  assert.match(heads.of(fakeCall({ headers: { a: "1" } }).call), /\na: 1\n/);
});

test("an answer's lines end as HTTP's do", () => {
  const heads = new AnswerHeads();
  assert.equal(heads.of("a: 1\nb: 2\n"), "a: 1\r\nb: 2\r\n");
  assert.equal(heads.of("a: 1\nb: 2\n"), "a: 1\r\nb: 2\r\n");
  assert.equal(heads.of(""), "");
});

test("a head that could end another one early, or is none, is refused with its line", () => {
  const heads = new AnswerHeads();
  assert.equal(answerFault(200, heads.of("content-type: text/plain\nset-cookie: a=\xe9\n")), null);
  const cases: [number, string, RegExp][] = [
    [99, "", /its status is 99/],
    [600, "", /its status is 600/],
    [0, "", /its status is 0/],
    [200, "a: 1\r\nb: 2\r\n", /"a: 1\\r" is no header line/],
    [200, "a: 1\n\nbody\n", /"body" is no header line/],
    [200, "a: 1\n\n", /an empty line among them/],
    [200, "a: 1", /the last has no end/],
    [200, "a b: 1\n", /"a b: 1" is no header line/],
    [200, "a: \0\n", /no header line/],
    [200, "a: \x1b[31m\n", /no header line/],
    [200, ": 1\n", /no header line/],
    [200, `a: ${"x".repeat(256 * 1024)}\n`, /no header line/],
  ];
  for (const [status, head, expected] of cases) assert.match(answerFault(status, heads.of(head)) ?? "passed", expected, head.slice(0, 40));
});
