import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../../../test/support/properties.ts";
import { emptyMessage, HEADER_BYTES, KIND, kindName, readHeader, writeHeader } from "./messages.ts";

const U32 = fc.integer({ min: 0, max: 0xffff_ffff });

function written(kind: number, isEnd: boolean, status: number, call: number, headBytes: number, bodyBytes: number): Buffer {
  const buffer = Buffer.alloc(HEADER_BYTES);
  writeHeader(buffer, 0, kind, isEnd, status, call, headBytes, bodyBytes);
  return buffer;
}

function fault(buffer: Buffer, bytes: number): string | null {
  return readHeader(buffer, 0, bytes, emptyMessage());
}

test("what was written is read, wherever it lies", () => {
  fc.assert(
    fc.property(fc.nat(40), fc.boolean(), fc.integer({ min: 1, max: 0xffff_ffff }), U32, U32, (at, isEnd, call, headBytes, bodyBytes) => {
      const buffer = Buffer.alloc(at + HEADER_BYTES, 0xff);
      writeHeader(buffer, at, KIND.response, isEnd, 404, call, headBytes, bodyBytes);
      const message = emptyMessage();
      assert.equal(readHeader(buffer, at, HEADER_BYTES + headBytes + bodyBytes, message), null);
      assert.deepEqual(message, { kind: KIND.response, isEnd, status: 404, call, headBytes, bodyBytes });
    }),
  );
});

test("the bytes are those of the protocol's page", () => {
  const expected = [3, 1, 0xc8, 0, 7, 0, 0, 0, 2, 0, 0, 0, 1, 1, 0, 0];
  assert.deepEqual([...written(KIND.response, true, 200, 7, 2, 257)], expected);
});

test("lengths that lie are found, up and down, and also where their sum passes 2^32", () => {
  assert.match(fault(written(KIND.response, true, 200, 1, 4, 4), 23)!, /RESPONSE of 23 bytes, which says that it has 16 \+ 4 \+ 4/);
  assert.match(fault(written(KIND.response, true, 200, 1, 4, 4), 25)!, /says that it has/);
  assert.match(fault(written(KIND.response, true, 200, 1, 0xffff_fff8, 8), HEADER_BYTES)!, /says that it has/);
  assert.match(fault(Buffer.alloc(HEADER_BYTES), 15)!, /15 bytes, less than its header has/);
});

test("a message that the page does not know breaks its rules", () => {
  const cases: [Buffer, number, RegExp][] = [
    [written(0, false, 0, 1, 0, 0), 0, /unknown kind, 0/],
    [written(10, false, 0, 1, 0, 0), 0, /unknown kind, 10/],
    [written(255, false, 0, 1, 0, 0), 0, /unknown kind, 255/],
    [written(KIND.failed, true, 500, 1, 0, 0), 0, /FAILED with a status, 500/],
    [written(KIND.responseBody, true, 0, 0, 0, 0), 0, /RESPONSE_BODY of no call/],
    [written(KIND.pong, false, 0, 3, 0, 0), 0, /PONG of call 3/],
    [written(KIND.responseBody, true, 0, 1, 2, 0), 2, /RESPONSE_BODY with a head/],
    [written(KIND.pong, false, 0, 0, 0, 1025), 1025, /PONG with a body of 1025 bytes/],
    [written(KIND.cancel, false, 0, 1, 0, 1), 1, /CANCEL with a body/],
    [written(KIND.pong, true, 0, 0, 0, 0), 0, /PONG with the flags 1/],
  ];
  for (const [buffer, payloadBytes, expected] of cases) assert.match(fault(buffer, HEADER_BYTES + payloadBytes) ?? "", expected);
  const flagged = written(KIND.response, true, 200, 1, 0, 0);
  flagged[1] = 3;
  assert.match(fault(flagged, HEADER_BYTES)!, /RESPONSE with the flags 3/);
});

test("any bytes are a message or are refused with a reason, and nothing is read behind them", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 48 }), (bytes) => {
      const message = emptyMessage();
      const why = readHeader(Buffer.from(bytes), 0, bytes.length, message);
      if (why === null) {
        assert.equal(HEADER_BYTES + message.headBytes + message.bodyBytes, bytes.length);
        assert.doesNotMatch(kindName(message.kind), /^kind/);
      } else {
        assert.notEqual(why, "");
      }
    }),
    { numRuns: 2_000 },
  );
});
