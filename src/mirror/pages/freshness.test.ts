import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../test/support/properties.ts";
import { type FreshnessRules, type KeptState, mayServeStale, plan, remainingMs } from "./freshness.ts";

const rules: FreshnessRules = { ttlMs: 1_000, negativeTtlMs: 100, staleIfErrorMs: 5_000 };
const page: KeptState = { isPage: true, checkedAtMs: 10_000, isForgotten: false, etag: '"a"', lastModified: null };
const absent: KeptState = { ...page, isPage: false, etag: null };

test("a page is served within its index's TTL, then revalidated, and fetched where there is no validator", () => {
  assert.deepEqual(plan(page, rules, 10_000), { do: "serve", freshForMs: 1_000 });
  assert.deepEqual(plan(page, rules, 10_999), { do: "serve", freshForMs: 1 });
  assert.deepEqual(plan(page, rules, 11_000), { do: "revalidate" });
  assert.deepEqual(plan({ ...page, etag: null, lastModified: "Sat, 01 Jan 2000 00:00:00 GMT" }, rules, 11_000), { do: "revalidate" });
  assert.deepEqual(plan({ ...page, etag: null }, rules, 11_000), { do: "fetch" });
  assert.deepEqual(plan(null, rules, 11_000), { do: "fetch" });
});

test("a TTL of 0 asks every time", () => {
  assert.deepEqual(plan(page, { ...rules, ttlMs: 0 }, 10_000), { do: "revalidate" });
  assert.deepEqual(plan(absent, { ...rules, negativeTtlMs: 0 }, 10_000), { do: "fetch" });
});

test("that there is no such project is believed for its own time", () => {
  assert.deepEqual(plan(absent, rules, 10_099), { do: "negative", freshForMs: 1 });
  assert.deepEqual(plan(absent, rules, 10_100), { do: "fetch" });
});

test("a forgotten page is fetched without its validators, and may still answer while the index fails", () => {
  const forgotten = { ...page, isForgotten: true };
  assert.deepEqual(plan(forgotten, rules, 10_000), { do: "fetch" });
  assert.equal(mayServeStale(forgotten, rules, 10_000), true);
});

test("a stale page answers for an index that fails until staleIfErrorMs past its freshness", () => {
  assert.equal(mayServeStale(page, rules, 16_000), true);
  assert.equal(mayServeStale(page, rules, 16_001), false);
  assert.equal(mayServeStale(absent, rules, 15_100), true);
  assert.equal(mayServeStale(absent, rules, 15_101), false);
});

test("a clock that was put back freezes nothing: what was checked in the future is checked again", () => {
  assert.deepEqual(plan(page, rules, 9_999), { do: "revalidate" });
  assert.deepEqual(plan(absent, rules, 9_999), { do: "fetch" });
  assert.equal(mayServeStale(page, rules, 0), true);
});

test("nothing is ever fresh for longer than its lifetime, wherever the clock stands", () => {
  const times = fc.integer({ min: -1e15, max: 1e15 });
  fc.assert(
    fc.property(times, times, fc.nat(), fc.boolean(), (checkedAtMs, nowMs, ttlMs, isPage) => {
      const left = remainingMs({ ...page, isPage, checkedAtMs }, { ...rules, ttlMs, negativeTtlMs: ttlMs }, nowMs);
      return left >= 0 && left <= ttlMs;
    }),
  );
});
