import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../test/support/properties.ts";
import type { UpstreamFailure } from "../failures.ts";
import { readRetryAfter, retryDelayMs } from "./retry.ts";

const REFUSED: UpstreamFailure = { code: "UPSTREAM_UNREACHABLE", url: "https://index.example/", reason: "connection refused" };

function busy(retryAfterMs: number | null): UpstreamFailure {
  return { code: "UPSTREAM_STATUS", url: "https://index.example/", status: 503, retryAfterMs };
}

test("each wait is twice the one before, between half of it and all of it by chance", () => {
  assert.deepEqual(
    [1, 2, 3, 4].map((count) => retryDelayMs(REFUSED, count, 100, 0)),
    [50, 100, 200, 400],
  );
  assert.equal(retryDelayMs(REFUSED, 2, 100, 0.5), 150);
});

test("no wait is longer than half a minute, however often it failed", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (count, random) => {
      const delayMs = retryDelayMs(REFUSED, count, 250, random);
      assert.ok(delayMs !== null && delayMs >= 125 && delayMs <= 30_000);
    }),
  );
});

test("an index that names a time is asked no sooner, and not at all when the time is long", () => {
  assert.equal(retryDelayMs(busy(7_000), 1, 100, 0), 7_000);
  assert.equal(retryDelayMs(busy(20), 1, 100, 0), 50);
  assert.equal(retryDelayMs(busy(60_000), 1, 100, 0), null);
});

test("Retry-After is read as seconds and as a date, and nothing else", () => {
  const nowMs = Date.UTC(2026, 10, 21, 12, 0, 0);
  assert.equal(readRetryAfter("120", nowMs), 120_000);
  assert.equal(readRetryAfter("Sat, 21 Nov 2026 12:00:05 GMT", nowMs), 5_000);
  assert.equal(readRetryAfter("Sat, 21 Nov 2026 11:00:00 GMT", nowMs), 0, "a date that has passed");
  for (const odd of ["", "-5", "1.5", "soon", "1e3", "9999999999", "2026-11-21"]) assert.equal(readRetryAfter(odd, nowMs), null, odd);
  assert.equal(readRetryAfter(null, nowMs), null);
});
