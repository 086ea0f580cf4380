import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../test/support/properties.ts";
import { describeBytes, describeCount, formatDuration, formatSize, parseDuration, parseSize } from "./units.ts";

test("a size may be bytes or carry k, kb, m, mb, g or gb in any case", () => {
  const sizes = {
    "65536": 65536,
    "64k": 65536,
    "64KB": 65536,
    "128m": 134217728,
    "1.5gb": 1610612736,
    "1GiB": 1073741824,
    " 8 m ": 8388608,
  };
  for (const [text, bytes] of Object.entries(sizes)) assert.deepEqual(parseSize(text), { ok: true, value: bytes }, text);
});

test("what is not a size is refused with the accepted forms", () => {
  for (const text of ["", "m", "-1m", "1e3", "12q", "0x10", "1 2m", "9".repeat(16), "999999999999999g", "constructor", "1__proto__"]) {
    const result = parseSize(text);
    assert.equal(result.ok, false, text);
    assert.match(result.ok ? "" : result.failure, /64k/);
  }
});

test("a duration may be milliseconds or carry ms, s, m, h or d", () => {
  const durations = { "250": 250, "250ms": 250, "30s": 30_000, "1.5s": 1_500, "5m": 300_000, "1h": 3_600_000, "7d": 604_800_000 };
  for (const [text, ms] of Object.entries(durations)) assert.deepEqual(parseDuration(text), { ok: true, value: ms }, text);
  for (const text of ["", "s", "5 days", "-1s"]) assert.equal(parseDuration(text).ok, false, text);
});

test("what is formatted is read back as the same number", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 45 }), (value) => {
      assert.deepEqual(parseSize(formatSize(value)), { ok: true, value });
      assert.deepEqual(parseDuration(formatDuration(value)), { ok: true, value });
    }),
  );
});

test("bytes are described with at most one decimal", () => {
  assert.deepEqual([512, 1536, 134217728, 1610612736].map(describeBytes), ["512 B", "1.5 KiB", "128 MiB", "1.5 GiB"]);
});

test("a count is described in the singular for one alone", () => {
  assert.deepEqual(
    [0, 1, 2].map((count) => describeCount(count, "file")),
    ["0 files", "1 file", "2 files"],
  );
});
