/**
 * Long texts cross to the host in slices, so that no function holds the event
 * loop there; the cuts must not show.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openWebSandbox, type WebSandbox } from "../test/support/web-sandbox.ts";

const SLICE_LENGTH = 256 * 1024;

let sandbox: WebSandbox;
before(async () => {
  sandbox = await openWebSandbox();
});
after(() => sandbox.close());

/** Characters of one to four bytes and a byte that begins none, at every distance from a cut. */
const TEXTS = `const texts = (filler) => ["a", "ü", "€", "🔦", "\\ud800"].flatMap((char) => [-4, -3, -2, -1, 0, 1].map((shift) =>
  filler.repeat(input + shift) + char + filler.repeat(input) + char));`;

test("encoding in slices gives what encoding in one piece gives", async () => {
  const lengths = (await sandbox.run(
    `${TEXTS} return texts("x").map((text) => { const bytes = new TextEncoder().encode(text); const half = text.length >> 1;
      return [bytes.length, new TextDecoder().decode(bytes) === text.toWellFormed()]; });`,
    SLICE_LENGTH,
  )) as [number, boolean][];
  const filler = "x".repeat(SLICE_LENGTH);
  const expected = ["a", "ü", "€", "🔦", "\ud800"].flatMap((char) =>
    [-4, -3, -2, -1, 0, 1].map((shift) => [Buffer.byteLength(`${"x".repeat(SLICE_LENGTH + shift)}${char}${filler}${char}`), true]),
  );
  assert.deepEqual(lengths, expected);
});

test("bytes that are no text become the same characters wherever they are cut", async () => {
  const same = await sandbox.run(
    `const broken = [[0xf0, 0x9f, 0x94], [0xe2, 0x82], [0xc3], [0xff], [0xed, 0xa0, 0x80]];
     return broken.flatMap((bad) => [-4, -3, -2, -1, 0].map((shift) => {
       const bytes = new Uint8Array(input + shift + bad.length + 10).fill(0x78); bytes.set(bad, input + shift);
       const short = new Uint8Array(20).fill(0x78); short.set(bad, 10);
       const text = new TextDecoder().decode(bytes); const near = new TextDecoder().decode(short);
       return text.slice(input + shift - 10, input + shift + 10 + near.length - 20) === near.slice(0, near.length);
     })).every(Boolean);`,
    SLICE_LENGTH,
  );
  assert.equal(same, true);
});

test("other encodings keep their state over the cuts, and a fatal decoder still refuses", async () => {
  const seen = await sandbox.run(
    `const bytes = new Uint8Array(input * 2 + 6); for (let at = 0; at + 1 < bytes.length; at += 2) { bytes[at] = 0x4e; bytes[at + 1] = 0x00; }
     const shifted = new Uint8Array(bytes.length + 1); shifted[0] = 0x81; for (let at = 1; at < shifted.length; at++) shifted[at] = at % 2 ? 0x40 : 0x81;
     const text = new TextDecoder("utf-16be").decode(bytes);
     const wide = new TextDecoder("gb18030").decode(shifted.subarray(0, shifted.length - 1));
     let refused = ""; try { new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(input * 2).fill(0xff)); } catch (error) { refused = error.name; }
     return [text.length, text === "\\u4e00".repeat(text.length), wide.length, wide === "\\u4e02".repeat(wide.length), refused];`,
    SLICE_LENGTH,
  );
  assert.deepEqual(seen, [SLICE_LENGTH + 3, true, SLICE_LENGTH + 3, true, "TypeError"]);
});

test("no single call to the host takes more than a slice", async () => {
  await assert.rejects(
    sandbox.run(`Uint8Array.prototype.slice = function () { return this; }; new TextDecoder().decode(new Uint8Array(5 << 20));`),
    { name: "RangeError", message: /at once/ },
  );
});
