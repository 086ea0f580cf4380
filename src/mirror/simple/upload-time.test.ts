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
    "2026-11-21T24:00:00Z",
    "2026-11-21T12:60:00Z",
    "2026-11-21T12:00:60Z",
    "2026-11-21T12:00:00+24:00",
    "2026-11-21T12:00:00+01:60",
    "2020-02-31T12:00:00Z",
    "2020-02-30T12:00:00Z",
    "2021-02-29T12:00:00Z",
    "1900-02-29T12:00:00Z",
    "2026-04-31T12:00:00Z",
    "2026-00-21T12:00:00Z",
    "2026-11-00T12:00:00Z",
    "2026-11-21T12:00:00Z ",
    `2026-11-21T12:00:00.${"0".repeat(100)}Z`,
    "-000001-01-01T00:00:00Z",
  ])
    assert.equal(parseUploadTime(text), null, String(text));
});

test("every day that there is names a moment, and is told back as it was written", () => {
  const day = fc.date({ min: new Date(Date.UTC(1, 0, 1)), max: new Date(Date.UTC(9999, 11, 31)), noInvalidDate: true });
  fc.assert(fc.property(day, (date) => assert.equal(parseUploadTime(date.toISOString()), date.getTime())));
  assert.notEqual(parseUploadTime("2020-02-29T12:00:00Z"), null);
  assert.notEqual(parseUploadTime("2000-02-29T12:00:00Z"), null);
});

test("no text makes it throw", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(..."0123456789-:TZ+.") })), (text) => void parseUploadTime(text)),
  );
});
