import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../../test/support/properties.ts";
import { parseUploadTime } from "./upload-time.ts";

const NOON_MS = Date.UTC(2026, 10, 21, 12);

test("the forms of RFC 3339 name a moment", () => {
  for (const text of [
    "2026-11-21T12:00:00Z",
    "2026-11-21t12:00:00z",
    "2026-11-21T12:00:00.000000Z",
    "2026-11-21T12:00:00.000999999Z",
    "2026-11-21T13:30:00+01:30",
    "2026-11-21T04:00:00-08:00",
  ])
    assert.equal(parseUploadTime(text), NOON_MS, text);
});

test("what names no moment, or one that depends on this machine, is none", () => {
  for (const text of [
    null,
    "",
    "1",
    "foo 2001",
    "2026-11-21",
    "2026-11-21T12:00:00",
    "2026-11-21 12:00:00Z",
    "2026-13-21T12:00:00Z",
    "2026-11-21T25:00:00Z",
    "2026-11-21T12:00:00Z ",
    `2026-11-21T12:00:00.${"0".repeat(100)}Z`,
    "-000001-01-01T00:00:00Z",
  ])
    assert.equal(parseUploadTime(text), null, String(text));
});

test("no text makes it throw", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(..."0123456789-:TZ+.") })), (text) => void parseUploadTime(text)),
  );
});
