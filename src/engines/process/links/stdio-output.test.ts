import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../../../test/support/properties.ts";
import { type OutputForm, type OutputHead, OutputHeadReader, plainLines } from "./stdio-output.ts";

/** What was decided, and what of the output comes behind the head. */
function read(output: string | Buffer, form: OutputForm = "auto", cuts: readonly number[] = []): OutputHead {
  let rest = Buffer.from(output as string, "latin1");
  const reader = new OutputHeadReader(form);
  let head: OutputHead | null = null;
  for (const cut of [...cuts, rest.length]) {
    const chunk = rest.subarray(0, cut);
    rest = rest.subarray(cut);
    if (chunk.length > 0) head = reader.push(chunk);
    if (head !== null) break;
  }
  head ??= reader.finish();
  return head.kind === "invalid" ? head : { ...head, body: Buffer.concat([head.body, rest]) };
}

test("output that begins with a CGI head has one, whatever its line ends", () => {
  for (const end of ["\n", "\r\n"]) {
    const found = read(
      ["Content-Type: text/html", "Set-Cookie: a=1", "Set-Cookie: b=2", "Status: 404 Not Found", "", "body\n\nmore"].join(end),
    );
    assert.ok(found.kind === "cgi");
    assert.deepEqual(found.head, { status: 404, headerLines: "Content-Type: text/html\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n" });
    assert.equal(found.body.toString(), ["body\n\nmore"].join(end));
  }
  const redirect = read("Location: /elsewhere\n\n");
  assert.ok(redirect.kind === "cgi" && redirect.head.status === 302);
});

test("output that only looks like header lines is what its author wrote", () => {
  for (const output of [
    "hello\n",
    "",
    "a: b\n",
    "Status: ok\n\nall is well\n",
    "Location: Berlin\n\nContent\n",
    "Name: x\nAge: 7\n\nrest",
    "Content-Type: text/html\nno colon\n\nx",
    "Content-Type: text/html\n",
    "\nContent-Type: text/html\n\n",
    "Content-Type: nothing\n\n",
    '{"status": 200}',
    "\x00\xff\xfe",
  ]) {
    const found = read(output);
    assert.equal(found.kind, "plain", JSON.stringify(output));
    assert.ok(found.kind === "plain" && found.body.equals(Buffer.from(output, "latin1")));
  }
});

test("a head that says it is one, and says something impossible, is an error", () => {
  const found = read("Status: 700 Strange\n\n");
  assert.ok(found.kind === "invalid");
  assert.match(found.failure.message, /its status is "700 Strange"/);
});

test("where CGI is asked for, everything else is an error", () => {
  const cases: [string, RegExp][] = [
    ["hello\n", /"hello" is no header line/],
    ["hello world", /does not begin with header lines/],
    ["hello", /no empty line/],
    ["", /no empty line/],
    ["a: b\n", /no empty line/],
    ["\nContent-Type: text/plain\n\n", /begins with an empty line/],
    [`a: ${"x".repeat(70_000)}`, /longer than 65536 bytes/],
  ];
  for (const [output, expected] of cases) {
    const found = read(output, "cgi");
    assert.ok(found.kind === "invalid", output.slice(0, 20));
    assert.match(found.failure.message, expected);
  }
  const found = read("X-Only: mine\n\nbody", "cgi");
  assert.ok(found.kind === "cgi" && found.head.status === 200 && found.body.toString() === "body");
});

test("where plain output is asked for, nothing is a head", () => {
  const output = "Content-Type: text/html\n\nx";
  const found = read(output, "plain");
  assert.ok(found.kind === "plain" && found.body.toString() === output);
});

test("what can't become a head is passed on at once, not when it ends", () => {
  for (const begun of ["Progress 1%", "{", "x".repeat(200), "a b: c", "Content-Type: text/html\n<"]) {
    assert.notEqual(new OutputHeadReader("auto").push(Buffer.from(begun)), null, begun);
  }
  for (const begun of ["C", "Content-Type", "Content-Type: text/html\r", "Content-Type: text/html\r\n\r", "Content-Type: text/html\n"]) {
    assert.equal(new OutputHeadReader("auto").push(Buffer.from(begun)), null, begun);
  }
});

test("however the output comes apart, it is the same answer", () => {
  const PIECE = fc.constantFrom(
    "Content-Type: text/plain",
    "Status: 201 Created",
    "a: b",
    "text",
    "",
    " ",
    ":",
    "\x80\xff",
    "Location: /x",
  );
  const END = fc.constantFrom("\n", "\r\n", "\r", "");
  const OUTPUT = fc.array(fc.tuple(PIECE, END), { maxLength: 8 }).map((lines) => lines.map(([text, end]) => text + end).join(""));
  const FORM = fc.constantFrom<OutputForm>("auto", "cgi", "plain");
  fc.assert(
    fc.property(OUTPUT, FORM, fc.array(fc.integer({ min: 1, max: 20 })), (output, form, cuts) => {
      const apart = read(output, form, cuts);
      const whole = read(output, form);
      assert.equal(apart.kind, whole.kind);
      if (apart.kind === "cgi" || apart.kind === "plain") assert.deepEqual(apart, whole);
      if (apart.kind === "plain") assert.equal(apart.body.toString("latin1"), output);
    }),
    { numRuns: 2_000 },
  );
});

test("a head of many lines, byte by byte, is read in one pass", () => {
  const reader = new OutputHeadReader("auto");
  const byte = Buffer.from("a");
  let pushCount = 0;
  // Quadratic work would be two billion bytes here.
  for (; pushCount < 70_000; pushCount++) {
    byte[0] = "a:\n".charCodeAt(pushCount % 3);
    if (reader.push(byte) !== null) break;
  }
  assert.equal(pushCount, 65_536);
});

test("plain output is text when it is UTF-8, also where it is cut within a character", () => {
  const text = Buffer.from("größer ☕ \u{1f525}");
  for (let end = 0; end <= text.length; end++) assert.match(plainLines(text.subarray(0, end), false), /text\/plain/, `${end}`);
  assert.match(plainLines(text.subarray(0, text.length - 1), true), /octet-stream/);
  assert.match(plainLines(Buffer.from([0x61, 0xff]), false), /octet-stream/);
  assert.match(plainLines(Buffer.from([0x80, 0x80, 0x80, 0x80]), false), /octet-stream/);
  assert.match(plainLines(Buffer.alloc(0), true), /text\/plain/);
});
