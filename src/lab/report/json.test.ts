import assert from "node:assert/strict";
import { test } from "node:test";
import { EXAMPLE_PLAN, exampleResult } from "../../../test/support/example-result.ts";
import { toJson } from "./json.ts";
import { evaluateThresholds, parseThreshold } from "./thresholds.ts";

test("the report is JSON whose names carry their units", () => {
  const result = exampleResult();
  const parsed = parseThreshold("p99<200ms");
  assert.ok(parsed.ok);
  const report = JSON.parse(toJson(result, evaluateThresholds(result, [parsed.value])));
  assert.equal(report.schema, "pilotlight-load/1");
  assert.equal(report.valid, true);
  assert.equal(report.request_count, 20_000);
  assert.equal(report.failed_share, 0.002);
  assert.equal(report.latency.p99_us, result.latency.p99Us);
  assert.equal(report.latency_uncorrected.p99_9_us, result.uncorrected.p999Us);
  assert.deepEqual(Object.keys(report.phases), ["blocked", "connecting", "tls_handshaking", "sending", "waiting", "receiving"]);
  assert.equal(report.per_second.length, 20);
  assert.equal(report.thresholds_passed, false);
  assert.deepEqual(report.thresholds[0], {
    threshold: "p99<200ms",
    passed: false,
    judged: true,
    actual: result.latency.p99Us,
    actual_is_lower_bound: false,
    why: "p99 was 801 ms",
  });
  assert.equal(report.errors[0].kind, "check_status");
  assert.ok(report.machine.cpu_count >= 1);
  assert.equal(report.samples, undefined);
  const names = (value: unknown): string[] =>
    typeof value === "object" && value !== null ? Object.entries(value).flatMap(([name, inner]) => [name, ...names(inner)]) : [];
  assert.deepEqual(
    names(report).filter((name) => /[A-Z]/.test(name)),
    [],
  );
});

test("a quantile that is refused is null, and an interval needs a run of ten seconds", () => {
  const few = JSON.parse(toJson(exampleResult({ seconds: 1, perSecond: 100, stallMs: 0 }), []));
  assert.deepEqual(few.latency_quantiles[3].value_us, null);
  for (const { p95_us, p99_us, p99_9_us, curve } of [few.latency, few.latency_uncorrected, few.phases.waiting, few.audit.lateness]) {
    assert.ok(p95_us > 0);
    assert.deepEqual([p99_us, p99_9_us], [null, null]);
    assert.ok(curve.length > 0 && curve.every(({ quantile }: { quantile: number }) => quantile < 0.99));
  }
  assert.deepEqual([few.per_second[0].median_us > 0, few.per_second[0].p99_us], [true, null]);
  assert.match(few.latency_quantiles[3].refused_because, /too few/);
  const kept = JSON.parse(toJson(exampleResult(), []));
  assert.ok(kept.latency_quantiles[0].low_us <= kept.latency_quantiles[0].value_us);
  const lost = JSON.parse(toJson(exampleResult({ seconds: 9 }), []));
  assert.equal(lost.latency_quantiles[0].low_us, null);
});

test("a quantile of which only a lower bound is known is told as that, not as a value", () => {
  const whole = exampleResult();
  const report = JSON.parse(toJson({ ...whole, latency: { ...whole.latency, censoredCount: 1_000, knownShare: 0.95 } }, []));
  const [, , p95, p99] = report.latency_quantiles;
  assert.deepEqual([p95.value_us, p95.at_least_us], [whole.latency.p95Us, null]);
  assert.deepEqual([p99.value_us, p99.at_least_us, p99.low_us], [null, whole.latency.p99Us, null]);
  const { p95_us, p99_us, mean_us, max_us, known_share, curve } = report.latency;
  assert.deepEqual([p95_us, p99_us, mean_us, max_us, known_share], [whole.latency.p95Us, null, null, null, 0.95]);
  assert.ok(curve.every(({ quantile }: { quantile: number }) => quantile <= 0.95));
});

test("a run in which every request failed has no latency, not one of zero", () => {
  const { latency, per_second } = JSON.parse(toJson(exampleResult({ seconds: 1, failsEvery: 1 }), []));
  const { count, censored_count, curve, ...figures } = latency;
  assert.deepEqual([count, censored_count, curve], [0, 0, []]);
  assert.deepEqual(new Set(Object.values(figures)), new Set([null]));
  assert.deepEqual([per_second[0].median_us, per_second[0].p99_us], [null, null]);
});

test("no secret of the plan gets into the report", () => {
  const target = { ...EXAMPLE_PLAN.target, path: "/?access_token=s3cr3t&page=2" };
  const text = toJson(exampleResult({ seconds: 1, plan: { target } }), []);
  assert.doesNotMatch(text, /correct-horse|s3cr3t/);
  assert.match(text, /access_token=\*\*\*&page=2/);
});

test("a body of bytes is carried as base64 while it is short, else by its length", () => {
  const planWith = (bytes: Uint8Array) =>
    JSON.parse(toJson(exampleResult({ seconds: 1, plan: { body: { kind: "bytes", bytes } } }), [])).plan.body;
  assert.deepEqual(planWith(Buffer.from("{}")), { kind: "bytes", byte_length: 2, base64: "e30=" });
  assert.deepEqual(planWith(new Uint8Array(10_000)), { kind: "bytes", byte_length: 10_000 });
});
