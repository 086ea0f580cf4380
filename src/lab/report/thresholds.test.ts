import assert from "node:assert/strict";
import { test } from "node:test";
import { exampleResult } from "../../../test/support/example-result.ts";
import type { LoadResult } from "../load/result.ts";
import { evaluateThresholds, parseThreshold, type Threshold, type ThresholdOutcome } from "./thresholds.ts";

function threshold(text: string): Threshold {
  const parsed = parseThreshold(text);
  assert.ok(parsed.ok, `${text} is refused`);
  return parsed.value;
}

function outcome(result: LoadResult, text: string): ThresholdOutcome {
  return evaluateThresholds(result, [threshold(text)])[0]!;
}

test("a threshold is read with its unit, whatever blanks or brackets it has", () => {
  assert.deepEqual(threshold("p99<200ms"), {
    text: "p99<200ms",
    quantity: { kind: "quantile", quantile: 0.99 },
    comparison: "<",
    bound: 200_000,
  });
  assert.equal(threshold("p99.9 <= 1s").bound, 1e6);
  assert.deepEqual(threshold("p(95)<1.5ms").quantity, { kind: "quantile", quantile: 0.95 });
  assert.deepEqual(threshold("median<5ms").quantity, { kind: "quantile", quantile: 0.5 });
  assert.equal(threshold("avg<300us").bound, 300);
  assert.equal(threshold("max<300µs").bound, 300);
  assert.equal(threshold("failed<1%").bound, 0.01);
  assert.deepEqual(threshold("failed==0").quantity, { kind: "count", of: "failed" });
  assert.equal(threshold("rps>1000").bound, 1_000);
  assert.deepEqual(threshold("checks>99%").quantity, { kind: "share", of: "checks" });
  assert.deepEqual(threshold("dropped==0").quantity, { kind: "count", of: "dropped" });
});

test("nonsense is refused with what to write instead", () => {
  const cases: [string, RegExp][] = [
    ["", /compares nothing/],
    ["p99", /in quotes/],
    ["p99=<1s", /"=<" is no comparison/],
    ["p99<200", /p99<200ms if you mean milliseconds/],
    ["p99<fast", /"fast" is not a duration/],
    ["p99<-5ms", /"-5ms" is not a duration/],
    ["p99<0ms", /above 0/],
    ["p99<200min", /"min" is not a unit/],
    ["p99==200ms", /Write p99<=200ms/],
    ["p100<1s", /no percentile 100.*max/],
    ["p0<1s", /no percentile 0/],
    ["medain<5ms", /Did you mean median\?/],
    ["faild<1%", /Did you mean failed\?/],
    ["constructor<1ms", /nothing that a run measures/],
    ["failed<0.01", /failed<1% if you mean a share/],
    ["failed<0%", /Write failed<=0%/],
    ["failed<0", /Write failed==0/],
    ["failed<101%", /at most 100%/],
    ["failed<few", /Write failed<1%/],
    ["checks>99", /Write checks>99%/],
    ["checks>0.99", /Write checks>99%/],
    ["checks>100%", /Write checks>=100%/],
    ["rps>1000ms", /plain number/],
    ["rps==1000", /Write rps>=1000/],
  ];
  for (const [text, says] of cases) {
    const parsed = parseThreshold(text);
    assert.ok(!parsed.ok, `${text} is accepted`);
    assert.equal(parsed.failure.code, "THRESHOLD_INVALID");
    assert.match(`${parsed.failure.message} ${parsed.failure.hint}`, says);
  }
});

test("a threshold is judged by the corrected latency", () => {
  const result = exampleResult({ stallMs: 1_000 });
  assert.equal(outcome(result, "p95<200ms").passed, result.latency.p95Us < 200_000);
  assert.equal(outcome(result, "p99.9<200ms").passed, false);
  assert.equal(outcome(result, "p99.9<200ms").actual, result.latency.p999Us);
  assert.equal(outcome(result, "max<2s").passed, true);
  assert.equal(outcome(result, "min>1us").passed, true);
  assert.equal(outcome(result, "avg<1us").passed, false);
});

test("a bound that is just reached passes with <= and not with <", () => {
  const result = { ...exampleResult(), failedCount: 200, requestCount: 20_000 };
  assert.equal(outcome(result, "failed<1%").passed, false);
  assert.equal(outcome(result, "failed<=1%").passed, true);
  assert.equal(outcome(result, "failed==200").passed, true);
  assert.equal(outcome(result, "failed>=201").passed, false);
});

test("the rate, the drops and the checks come from the run", () => {
  const result = exampleResult({ failsEvery: 100 });
  // One in a hundred fails, however fast.
  assert.equal(outcome(result, "rps>=990").passed, true);
  assert.equal(outcome(result, "rps>990").passed, false);
  assert.equal(outcome(result, "dropped==0").passed, true);
  const checked = outcome(result, "checks>99.5%");
  assert.equal(checked.passed, false);
  const { check_status: broken } = result.errors as { check_status: number };
  assert.equal(checked.actual, result.latency.count / (result.latency.count + broken));
});

test("a quantile of too few answers has not been reached, and says how many it takes", () => {
  const result = exampleResult({ seconds: 1, perSecond: 100, stallMs: 0, failsEvery: 0 });
  const p99 = outcome(result, "p99<1m");
  assert.equal(p99.passed, false);
  assert.equal(p99.actual, null);
  assert.match(p99.why, /p99 of 100 samples: too few \(it needs 368\)/);
  assert.equal(outcome(result, "median<1m").passed, true);
});

test("no upper bound is known to hold of what is itself only known as a lower bound", () => {
  const whole = exampleResult();
  const result = { ...whole, latency: { ...whole.latency, censoredCount: 1_000, knownShare: 0.95, p99Us: 1e6, maxUs: 1e6 } };
  for (const text of ["p99<2s", "p99<=2s", "avg<2s", "max<2s"]) {
    const { passed, isLowerBound, why } = outcome(result, text);
    assert.deepEqual([passed, isLowerBound], [false, true], text);
    assert.match(why, /^not known to hold: \w+ was .* or more, since 1,000 requests got no answer$/);
  }
  assert.equal(outcome(result, "p99<500ms").why, "p99 was 1 s or more, since 1,000 requests got no answer");
  assert.equal(outcome(result, "p99>500ms").passed, true);
  assert.equal(outcome(result, "median<2s").passed, true);
  assert.equal(outcome(result, "p95<2s").passed, true);
});

test("where longer answers tell what the cut off ones would have taken, all but the longest is known", () => {
  const whole = exampleResult();
  const result = { ...whole, latency: { ...whole.latency, censoredCount: 10 } };
  assert.equal(outcome(result, "p99.9<2s").passed, true);
  assert.equal(outcome(result, "avg<2s").passed, true);
  assert.equal(outcome(result, "max<2s").passed, false);
});

test("a run without one good answer reaches no latency", () => {
  const result = exampleResult({ seconds: 1, failsEvery: 1 });
  for (const text of ["median<1m", "max<1m", "min>1us"]) {
    assert.equal(outcome(result, text).passed, false, text);
    assert.match(outcome(result, text).why, /no answer passed/);
  }
});

test("a run that sent nothing reaches no share", () => {
  const empty = { ...exampleResult({ seconds: 1, failsEvery: 0 }), requestCount: 0, errors: {} };
  assert.equal(outcome(empty, "failed<1%").passed, false);
  assert.match(outcome(empty, "failed<1%").why, /no request was sent/);
});

test("no threshold of an invalid run is kept or missed", () => {
  const result = exampleResult();
  const invalid = { ...result, audit: { ...result.audit, invalidBecause: ["the threads were busy"] } };
  for (const text of ["p99<1m", "p99<1ms"]) {
    const { passed, isJudged, why } = outcome(invalid, text);
    assert.deepEqual([passed, isJudged], [false, false]);
    assert.match(why, /^not judged, because the run is invalid \(p99 was 801 ms\)$/);
  }
});
