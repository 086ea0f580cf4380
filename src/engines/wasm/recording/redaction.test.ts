import assert from "node:assert/strict";
import { test } from "node:test";
import { Redaction, redactHeaders } from "./redaction.ts";

test("a secret is hidden wherever it stands, and nothing around it moves", () => {
  const redaction = new Redaction(["secret-one", "secret-one-longer"]);
  const hidden = Buffer.from(redaction.bytes(Buffer.from("a secret-one b secret-one-longer c secret-one"))).toString();
  assert.equal(hidden, `a ${"*".repeat(10)} b ${"*".repeat(17)} c ${"*".repeat(10)}`);
  assert.equal(redaction.text("x=secret-one&y"), `x=${"*".repeat(10)}&y`);
});

test("bytes without a secret are handed back, not copied", () => {
  const bytes = Buffer.from([0, 255, 1]);
  assert.equal(new Redaction(["secret-one"]).bytes(bytes), bytes);
});

test("what is given is never changed", () => {
  const bytes = Buffer.from("secret-one");
  new Redaction(["secret-one"]).bytes(bytes);
  assert.equal(bytes.toString(), "secret-one");
});

test("short values are not looked for: they would be found everywhere", () => {
  assert.equal(new Redaction(["1", ""]).text("101"), "101");
});

test("values of headers that carry credentials are hidden, whatever their case, and known by their parts", () => {
  const { block, secrets } = redactHeaders(
    "Host: a\r\nAUTHORIZATION:  Bearer abc.def\r\nCookie: one=1st-token; two=2nd-token\r\nX-Api-Key:\r\n",
  );
  assert.equal(block, `Host: a\r\nAUTHORIZATION:  ${"*".repeat(14)}\r\nCookie: ${"*".repeat(28)}\r\nX-Api-Key:\r\n`);
  for (const part of ["Bearer abc.def", "abc.def", "1st-token", "2nd-token"]) assert.ok(secrets.includes(part), part);
});
