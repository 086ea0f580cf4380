import assert from "node:assert/strict";
import { test } from "node:test";
import { formatRecord } from "./log-record.ts";

test("a record is one line of JSON with its fixed fields first", () => {
  const line = formatRecord({ time: 0, pid: 7, message: "line\nbreak", level: "info", requestId: "r1", function: "hello" });
  assert.equal(
    line,
    '{"time":"1970-01-01T00:00:00.000Z","level":"info","function":"hello","requestId":"r1","message":"line\\nbreak","pid":7}\n',
  );
});

test("absent fields are left out", () => {
  assert.equal(formatRecord({ time: 0, level: "warn", message: "" }), '{"time":"1970-01-01T00:00:00.000Z","level":"warn","message":""}\n');
});

test("a record that can't be serialised is still reported", () => {
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  const parsed = JSON.parse(formatRecord({ time: Number.NaN, level: "error", message: "odd", cycle, big: 1n }));
  assert.equal(parsed.message, "odd");
  assert.deepEqual(parsed.unprintable, ["cycle", "big"]);
  assert.equal(parsed.time, "1970-01-01T00:00:00.000Z");
});
