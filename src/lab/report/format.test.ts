import assert from "node:assert/strict";
import { test } from "node:test";
import { quantileName } from "../../stats/quantile.ts";
import { formatBytes, formatCount, formatRate, formatShare, formatUs, spacedUs } from "./format.ts";

test("a duration takes the unit that fits and three digits", () => {
  const cases: [number, string][] = [
    [0, "0s"],
    [0.572, "572ns"],
    [1, "1µs"],
    [7.42, "7.42µs"],
    [454, "454µs"],
    [999.7, "1ms"],
    [2_520, "2.52ms"],
    [43_980, "44ms"],
    [999_700, "1s"],
    [1_004_000, "1s"],
    [12_340_000, "12.3s"],
    [59_990_000, "1m"],
    [63_000_000, "1m3s"],
    [119_990_000, "2m"],
    [Number.NaN, "-"],
  ];
  for (const [us, text] of cases) assert.equal(formatUs(us), text, String(us));
  assert.equal(spacedUs(2_520), "2.52 ms");
});

test("one failure in a million never reads as none, and one success less than all never as all", () => {
  assert.equal(formatShare(0), "0%");
  assert.equal(formatShare(1e-6), "<0.01%");
  assert.equal(formatShare(0.0123), "1.23%");
  assert.equal(formatShare(0.99995), ">99.99%");
  assert.equal(formatShare(0.9987), "99.87%");
  assert.equal(formatShare(1), "100%");
});

test("counts, rates and bytes are grouped, short and in powers of 1000", () => {
  assert.equal(formatCount(1_180_877), "1,180,877");
  assert.equal(formatRate(19_680.469), "19,680");
  assert.equal(formatRate(4.567), "4.57");
  assert.equal(formatRate(0), "0");
  assert.equal(formatBytes(152e6), "152 MB");
  assert.equal(formatBytes(8_800_000), "8.8 MB");
  assert.equal(formatBytes(999), "999 B");
  assert.equal(formatBytes(3e12), "3 TB");
});

test("a quantile is named as the field names it", () => {
  assert.deepEqual([0.5, 0.9, 0.999, 0.9999].map(quantileName), ["median", "p90", "p99.9", "p99.99"]);
});
