import assert from "node:assert/strict";
import { test } from "node:test";
import { exampleResult } from "../../../test/support/example-result.ts";
import { pageData } from "./page-data.ts";

test("the plotted distribution passes through the quantiles of the result", () => {
  const result = exampleResult();
  const { cdf } = pageData(result);
  for (const [quantile, us] of [
    [0.5, result.latency.medianUs],
    [0.9, result.latency.p90Us],
    [0.99, result.latency.p99Us],
  ] as const) {
    const nearest = cdf.logUs.findIndex((x) => x >= Math.log10(us));
    const share = 1 - 10 ** -cdf.corrected[nearest]!;
    assert.ok(Math.abs(share - quantile) < 0.03, `${quantile}: ${share}`);
  }
  assert.deepEqual(
    cdf.marks.map(({ name }) => name),
    ["median", "p90", "p99", "p99.9"],
  );
});

test("a distribution never falls, and ends where its last answer lies", () => {
  const { cdf } = pageData(exampleResult());
  const seen = cdf.corrected.filter((nines) => nines !== null);
  for (let index = 1; index < seen.length; index++) assert.ok(seen[index]! >= seen[index - 1]!);
  assert.ok(Math.max(...seen) <= cdf.ninesMax + 1e-9);
});

test("the histogram holds every answer once, from the samples or from the distribution", () => {
  const result = exampleResult();
  const sampled = pageData(result).histogram;
  assert.equal(
    sampled.counts.reduce((sum, count) => sum + count, 0),
    result.latency.count,
  );
  const { counts, logUs } = pageData({ ...result, samples: null }).histogram;
  const total = counts.reduce((sum, count) => sum + count, 0);
  assert.ok(Math.abs(total - result.latency.count) < result.latency.count / 100, String(total));
  assert.equal(counts.length, logUs.length);
  assert.equal(counts.indexOf(Math.max(...counts)), sampled.counts.indexOf(Math.max(...sampled.counts)));
});

test("a second without an answer is a gap, not a latency of zero", () => {
  const { seconds } = pageData(exampleResult());
  assert.equal(seconds.completed[8], 0);
  assert.equal(seconds.p99LogUs[8], null);
  assert.equal(seconds.completed.length, 20);
});

test("a second that the end of the run cut short is left out, unless there is no other", () => {
  const result = exampleResult({ seconds: 3 });
  assert.deepEqual(pageData({ ...result, durationMs: 2_400 }).seconds.second, [0, 1]);
  assert.deepEqual(pageData({ ...result, durationMs: 400, perSecond: result.perSecond.slice(0, 1) }).seconds.second, [0]);
});

test("equal answers, one answer and none give plots without a number that isn't one", () => {
  const one = exampleResult({ seconds: 1, perSecond: 1, stallMs: 0, failsEvery: 0 });
  const none = exampleResult({ seconds: 1, failsEvery: 1 });
  for (const result of [one, none, { ...none, perSecond: [] }]) {
    assert.doesNotThrow(() => pageData(result));
    const numbers = JSON.stringify(pageData(result), (_key, value) => {
      assert.ok(typeof value !== "number" || Number.isFinite(value));
      return value;
    });
    assert.ok(numbers.length > 0);
  }
});

test("a quantile that is refused is not marked in the plot", () => {
  const { cdf } = pageData(exampleResult({ seconds: 1, perSecond: 100, stallMs: 0 }));
  assert.deepEqual(
    cdf.marks.map(({ name }) => name),
    ["median", "p90"],
  );
});
