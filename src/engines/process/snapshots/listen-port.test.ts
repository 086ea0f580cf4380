import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { withListenPort } from "./listen-port.ts";

const NO_IMAGE = Buffer.from("RIFF, and something else");

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(Math.floor(value / 0x80))];
}

const number = (field: number, value: number) => [...varint(field << 3), ...varint(value)];
const message = (field: number, content: readonly number[]) => [...varint((field << 3) | 2), ...varint(content.length), ...content];

/** As CRIU 4.2 writes the listening socket of a server: a file of type 4 with its id and the socket. */
function socket({ port, state }: { port: number; state: number }): number[] {
  const fields = [
    number(1, 7),
    number(2, 81_234),
    number(3, 2),
    number(4, 1),
    number(5, 6),
    number(6, state),
    number(7, port),
    number(8, 0),
  ];
  const rest = [number(10, 511), message(11, [1, 0, 0, 127]), message(13, number(1, 0)), [...varint((21 << 3) | 5), 1, 2, 3, 4]];
  return [...number(1, 4), ...number(2, 7), ...message(4, [...fields, ...rest].flat())];
}

const PIPE = [...number(1, 2), ...number(2, 3), ...message(18, [...number(1, 3), ...number(2, 99_000)])];

function image(...entries: readonly (readonly number[])[]): Buffer {
  return Buffer.concat([u32(0x54564319), u32(0x56303138), ...entries.flatMap((entry) => [u32(entry.length), Buffer.from(entry)])]);
}

test("what listens on the port listens on another, and all else stays as it is", () => {
  const [listening, other, connected] = [
    { port: 10_007, state: 10 },
    { port: 10_008, state: 10 },
    { port: 10_007, state: 1 },
  ];
  const before = image(PIPE, socket(listening), socket(other), socket(connected), PIPE);
  const changed = withListenPort(before, { from: 10_007, to: 80 });
  assert.ok(changed.ok);
  assert.equal(changed.value.count, 1);
  assert.deepEqual(changed.value.bytes, image(PIPE, socket({ ...listening, port: 80 }), socket(other), socket(connected), PIPE));
});

test("there and back is the image as it was, whatever the ports", () => {
  const port = fc.integer({ min: 1, max: 65_535 });
  fc.assert(
    fc.property(port, port, (from, to) => {
      const before = image(socket({ port: from, state: 10 }), PIPE);
      const there = withListenPort(before, { from, to });
      assert.ok(there.ok && there.value.count === 1);
      const back = withListenPort(there.value.bytes, { from: to, to: from });
      assert.ok(back.ok);
      assert.deepEqual(back.value.bytes, before);
    }),
  );
});

test("an image that is no image, or is cut short anywhere, is a fault and no throw", () => {
  const whole = image(PIPE, socket({ port: 10_007, state: 10 }));
  assert.match(failureOf(NO_IMAGE), /does not begin as an image/);
  for (let length = 0; length < whole.length; length++) {
    const isBetweenEntries = length === 8 || length === 12 + PIPE.length;
    const result = withListenPort(whole.subarray(0, length), { from: 10_007, to: 80 });
    assert.equal(result.ok, isBetweenEntries, `${length} bytes`);
  }
  const bytes = fc.uint8Array({ maxLength: 60 }).map((entry) => image([...entry]));
  fc.assert(fc.property(bytes, (hostile) => withListenPort(hostile, { from: 1, to: 2 }) !== undefined));
});

function failureOf(bytes: Buffer): string {
  const result = withListenPort(bytes, { from: 1, to: 2 });
  return result.ok ? "" : result.failure;
}
