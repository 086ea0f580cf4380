import assert from "node:assert/strict";
import { test } from "node:test";
import { exampleResult } from "../../../test/support/example-result.ts";
import type { LoadResult } from "../load/result.ts";
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

test("the histogram holds every answer once, though no line was kept for each", () => {
  const { latency, latencyCounts } = exampleResult();
  const { counts, logUs, binLog } = pageData({ ...exampleResult(), samples: null }).histogram;
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    latency.count,
  );
  assert.equal(counts.length, logUs.length);
  const middle = logUs.findIndex((log) => log + binLog / 2 > Math.log10(latency.medianUs));
  const inMiddle = latencyCounts.filter(
    (_, at) => at % 2 === 1 && Math.abs(Math.log10(latencyCounts[at - 1]!) - logUs[middle]!) <= binLog / 2,
  );
  assert.equal(
    counts[middle],
    inMiddle.reduce((sum, count) => sum + count, 0),
  );
});

test("what got no answer is in no bin", () => {
  const whole = exampleResult();
  const { counts } = pageData({ ...whole, latency: { ...whole.latency, count: 21_000, censoredCount: 1_000, maxUs: 9e6 } }).histogram;
  assert.deepEqual(counts, pageData(whole).histogram.counts);
});

test("a second without an answer is a gap, not a latency of zero", () => {
  const { seconds } = pageData(exampleResult());
  assert.deepEqual([seconds.passed[8], seconds.failed[8]], [0, 1]);
  assert.equal(seconds.p99LogUs[8], null);
  assert.equal(seconds.passed.length, 20);
});

/** Of a closed loop on a server that answers 333 a second. */
function runOf(
  durationMs: number,
  drainMs: number,
  ...medians: readonly (readonly [medianUs: number, completedCount: number])[]
): LoadResult {
  const points = medians.map(([medianUs, completedCount], second) => {
    const targetCount = Math.max(0, Math.min(600, (durationMs - second * 1_000) * 0.6));
    return { second, targetCount, completedCount, failedCount: 0, latencyCount: completedCount, medianUs, p99Us: medianUs * 2 };
  });
  return { ...exampleResult({ seconds: 3 }), durationMs, drainMs, perSecond: points };
}

test("seconds after the end, in which the last answers came, are shown, a part of one as if it had been whole", () => {
  const { seconds } = pageData(runOf(2_000, 1_600, [2e5, 327], [6e5, 332], [1e6, 339], [1.4e6, 202]));
  assert.deepEqual(seconds.second, [0, 1, 2, 3]);
  assert.deepEqual(seconds.passed, [327, 332, 339, 337]);
  assert.deepEqual(seconds.target, [600, 600, null, null]);
  assert.equal(seconds.endSecond, 4);
});

test("a second that an interruption cut short is shown as if it had been whole", () => {
  const { seconds } = pageData(runOf(2_400, 0, [1e3, 333], [1e3, 333], [1e3, 133]));
  assert.deepEqual(seconds.passed, [333, 333, 333]);
  assert.deepEqual(seconds.target, [600, 600, 600]);
});

test("the last sliver of a run is left out, unless it holds the slowest answers or there is no other", () => {
  assert.deepEqual(pageData(runOf(2_000, 5, [1e3, 333], [1e3, 333], [1.1e3, 10])).seconds.second, [0, 1]);
  const slow = pageData(runOf(2_000, 100, [1e3, 333], [1e3, 333], [9e5, 30])).seconds;
  assert.deepEqual(slow.second, [0, 1, 2]);
  assert.deepEqual(slow.passed, [333, 333, null]);
  assert.deepEqual(pageData(runOf(2_000, 100, [1e3, 333], [1e3, 333], [9e5, 10])).seconds.second, [0, 1]);
  assert.deepEqual(pageData(runOf(200, 0, [1e3, 66])).seconds.second, [0]);
});

test("a closed loop has one distribution", () => {
  assert.notEqual(pageData(exampleResult()).cdf.uncorrected, null);
  assert.equal(pageData(exampleResult({ plan: { arrivals: { kind: "closed", users: 5, thinkMs: 0 } } })).cdf.uncorrected, null);
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

test("the distribution is drawn as far as it is known", () => {
  const whole = exampleResult();
  const { corrected, marks } = pageData({ ...whole, latency: { ...whole.latency, censoredCount: 1_000, knownShare: 0.95 } }).cdf;
  const highest = Math.max(...corrected.filter((nines) => nines !== null));
  assert.ok(highest > 1 && highest <= -Math.log10(0.05) + 1e-6, String(highest));
  assert.deepEqual(
    marks.map(({ name }) => name),
    ["median", "p90"],
  );
});

test("a quantile that is refused is not marked in the plot", () => {
  const { cdf } = pageData(exampleResult({ seconds: 1, perSecond: 100, stallMs: 0 }));
  assert.deepEqual(
    cdf.marks.map(({ name }) => name),
    ["median", "p90"],
  );
});
