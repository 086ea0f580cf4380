import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../../test/support/properties.ts";
import { BYTES_PER_SECOND, LINE_MAX_BYTES, LINES_PER_SECOND, OutputLines } from "./output-lines.ts";

function reader() {
  const written: string[] = [];
  return { written, lines: new OutputLines((line) => written.push(line)) };
}

test("lines are the same however the chunks are cut", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.string({ unit: "binary", maxLength: 30 }).map((text) => text.replaceAll("\n", "").replace(/\r$/, "")),
        { maxLength: 40 },
      ),
      fc.array(fc.nat(200)),
      (texts, cuts) => {
        const { written, lines } = reader();
        const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(""));
        let at = 0;
        for (const cut of cuts) {
          lines.push(bytes.subarray(at, at + cut), 0);
          at += cut;
        }
        lines.push(bytes.subarray(at), 0);
        lines.end();
        assert.deepEqual(
          written,
          texts.map((text) => Buffer.from(text).toString()),
        );
      },
    ),
  );
});

test("the last line needs no end, and carriage returns go", () => {
  const { written, lines } = reader();
  lines.push(Buffer.from("one\r\ntwo\n\nthree"), 0);
  lines.end();
  lines.end();
  assert.deepEqual(written, ["one", "two", "", "three"]);
});

test("a line without end is cut once, and the next is whole", () => {
  const { written, lines } = reader();
  for (let count = 0; count < 100; count++) lines.push(Buffer.alloc(LINE_MAX_BYTES / 2, "x"), 0);
  lines.push(Buffer.from("\nnext\n"), 0);
  assert.deepEqual(
    written.map((line) => line.length),
    [LINE_MAX_BYTES + 1, 4],
  );
  assert.ok(written[0]!.endsWith("x…"));
});

test("lines beyond the rate are counted, and a second later it begins anew", () => {
  const { written, lines } = reader();
  lines.push(Buffer.from("x\n".repeat(LINES_PER_SECOND + 7)), 0);
  lines.push(Buffer.from("half"), 500);
  lines.push(Buffer.from(" of one\nanother\n"), 600);
  assert.equal(written.length, LINES_PER_SECOND);
  assert.equal(lines.takeDropped(), 9);
  assert.equal(lines.takeDropped(), 0);
  lines.push(Buffer.from("again\n"), 1_600);
  assert.equal(written.at(-1), "again");
});

test("bytes beyond the rate are dropped too", () => {
  const { written, lines } = reader();
  const line = `${"x".repeat(9_999)}\n`;
  for (let count = 0; count < 300; count++) lines.push(Buffer.from(line), 0);
  const bytes = written.reduce((sum, { length }) => sum + length, 0);
  assert.ok(bytes >= BYTES_PER_SECOND && bytes < BYTES_PER_SECOND + line.length);
  assert.equal(lines.takeDropped(), 300 - written.length);
});

test("every line is written or counted as dropped, whatever comes", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(3_000), fc.nat(40), fc.nat(400)), { maxLength: 30 }), (bursts) => {
      const { written, lines } = reader();
      let nowMs = 0;
      let sent = 0;
      for (const [count, length, waitMs] of bursts) {
        nowMs += waitMs;
        sent += count;
        lines.push(Buffer.from(`${"y".repeat(length)}\n`.repeat(count)), nowMs);
      }
      lines.end();
      assert.equal(written.length + lines.takeDropped(), sent);
    }),
    { numRuns: 50 },
  );
});
