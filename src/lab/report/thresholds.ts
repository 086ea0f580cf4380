/**
 * Thresholds: what a run must reach, as one writes it on a command line
 * ("p99<200ms", "failed<1%", "rps>1000"), read and judged. Latency is the
 * corrected one, of answers that passed every check. What can't be known from
 * this run (a p99 of 50 answers, a latency without an answer, an upper bound on
 * what is only known to be "at least a second") has not been reached: a gate
 * that opens on missing evidence is none.
 */
import { type Failure, fail, ok, type Result } from "../../base/result.ts";
import { didYouMean } from "../../base/suggest.ts";
import { quantileName } from "../../stats/quantile.ts";
import type { LoadResult } from "../load/result.ts";
import { formatCount, formatRate, formatShare, spacedUs } from "./format.ts";
import { estimateQuantile } from "./quantile-estimate.ts";

const COMPARISONS = ["<", "<=", ">", ">=", "=="] as const;
export type Comparison = (typeof COMPARISONS)[number];

type Quantity =
  | { readonly kind: "latency"; readonly of: "min" | "avg" | "max" }
  | { readonly kind: "quantile"; readonly quantile: number }
  | { readonly kind: "share"; readonly of: "failed" | "checks" | "dropped" }
  | { readonly kind: "count"; readonly of: "failed" | "dropped" }
  | { readonly kind: "rate" };

export interface Threshold {
  /** As it was written, without blanks: its name in reports. */
  readonly text: string;
  readonly quantity: Quantity;
  readonly comparison: Comparison;
  /** Microseconds, a share of 1, a count, or requests a second. */
  readonly bound: number;
}

export interface ThresholdOutcome {
  readonly threshold: Threshold;
  /** Never of an invalid run, whose figures are not the server's. */
  readonly passed: boolean;
  /** Whether the run could tell anything of it: false in an invalid one. */
  readonly isJudged: boolean;
  /** In the bound's unit; null where the run can't tell. */
  readonly actual: number | null;
  /** It was that or more: enough to miss an upper bound by, never to keep one. */
  readonly isLowerBound: boolean;
  /** "p99 was 12.1 ms", or why it isn't known and what would make it so. */
  readonly why: string;
}

const LATENCIES: Readonly<Record<string, Quantity>> = {
  min: { kind: "latency", of: "min" },
  avg: { kind: "latency", of: "avg" },
  mean: { kind: "latency", of: "avg" },
  max: { kind: "latency", of: "max" },
  median: { kind: "quantile", quantile: 0.5 },
  med: { kind: "quantile", quantile: 0.5 },
};
const NAMES = ["median", "avg", "min", "max", "p90", "p95", "p99", "p99.9", "failed", "checks", "dropped", "rps"];
const US_OF: Readonly<Record<string, number>> = { us: 1, µs: 1, μs: 1, ms: 1e3, s: 1e6, m: 60e6 };
const EXAMPLES = "for example p99<200ms, median<5ms, failed<1%, rps>1000, checks>99% or dropped==0";

export function parseThreshold(text: string): Result<Threshold> {
  const compact = text.replace(/\s+/g, "");
  const shape = /^([^<>=!]*)([<>=!]+)(.*)$/u.exec(compact);
  if (shape === null) {
    const sign = /^[a-z]/i.test(compact)
      ? "it compares nothing (write it in quotes: a shell reads < and > as redirections)"
      : "it compares nothing";
    return refuse(text, sign, `Write a name, a comparison and a value, ${EXAMPLES}`);
  }
  const [, name, sign, value] = shape as unknown as [string, string, string, string];
  if (!isComparison(sign)) return refuse(text, `"${sign}" is no comparison`, `Use ${COMPARISONS.join(" ")}, ${EXAMPLES}`);
  const latency = latencyQuantity(name.toLowerCase());
  if (typeof latency === "string")
    return refuse(text, latency, "Write the percentile between 0 and 100, such as p99.9; for the largest, max");
  if (latency !== null) return latencyThreshold(text, compact, latency, sign, value);
  if (name === "rps") return rateThreshold(text, compact, sign, value);
  if (name === "failed" || name === "checks" || name === "dropped") return shareThreshold(text, compact, name, sign, value);
  return refuse(text, `"${name}" is nothing that a run measures.${didYouMean(name, NAMES)}`, `Use one of ${NAMES.join(", ")}`);
}

/** null: not a latency; a string: a percentile that can't be. */
function latencyQuantity(name: string): Quantity | string | null {
  if (Object.hasOwn(LATENCIES, name)) return LATENCIES[name]!;
  const percentile = /^p\(?(\d{1,3}(?:\.\d{1,6})?)\)?$/.exec(name);
  if (percentile === null) return null;
  const percent = Number(percentile[1]);
  return percent > 0 && percent < 100 ? { kind: "quantile", quantile: percent / 100 } : `there is no percentile ${percent}`;
}

function latencyThreshold(text: string, compact: string, quantity: Quantity, comparison: Comparison, value: string): Result<Threshold> {
  const parts = /^(\d{1,15}(?:\.\d{1,6})?)([a-zµμ]*)$/u.exec(value);
  if (parts === null) return refuse(text, `"${value}" is not a duration`, "Use a number with us, ms or s, such as 200ms");
  const [, number, unit] = parts as unknown as [string, string, string];
  // k6 takes a bare number for milliseconds, other tools for seconds: a bound read wrongly is worse than none.
  if (unit === "") return refuse(text, `${value} has no unit`, `Write ${compact}ms if you mean milliseconds`);
  if (!Object.hasOwn(US_OF, unit)) return refuse(text, `"${unit}" is not a unit of time`, "Use us, ms, s or m");
  if (comparison === "==") return refuse(text, "no latency is exactly as foretold", `Write ${compact.replace("==", "<=")}`);
  const bound = Number(number) * US_OF[unit]!;
  if (bound === 0) return refuse(text, "no answer takes no time", "Give a duration above 0");
  return ok({ text: compact, quantity, comparison, bound });
}

function rateThreshold(text: string, compact: string, comparison: Comparison, value: string): Result<Threshold> {
  const bound = /^\d{1,12}(?:\.\d{1,6})?(?:\/s)?$/.test(value) ? Number.parseFloat(value) : Number.NaN;
  if (Number.isNaN(bound)) return refuse(text, `"${value}" is not a number of requests a second`, "Use a plain number, such as rps>1000");
  if (comparison === "==") return refuse(text, "no rate is exactly as foretold", `Write ${compact.replace("==", ">=")}`);
  return ok({ text: compact, quantity: { kind: "rate" }, comparison, bound });
}

function shareThreshold(
  text: string,
  compact: string,
  of: "failed" | "checks" | "dropped",
  comparison: Comparison,
  value: string,
): Result<Threshold> {
  const parts = /^(\d{1,12}(?:\.\d{1,6})?)(%?)$/.exec(value);
  if (parts === null) return refuse(text, `"${value}" is neither a percentage nor a count`, `Write ${of}${comparison}1%`);
  const bound = Number(parts[1]);
  if (parts[2] === "%") {
    if (bound > 100) return refuse(text, "a share is at most 100%", "Give a percentage between 0% and 100%");
    if ((comparison === "<" && bound === 0) || (comparison === ">" && bound === 100)) {
      return refuse(text, "no run can reach it", `Write ${of}${comparison}=${value}`);
    }
    return ok({ text: compact, quantity: { kind: "share", of }, comparison, bound: bound / 100 });
  }
  if (of === "checks") return refuse(text, `${value} has no unit`, `Write ${of}${comparison}${bound <= 1 ? bound * 100 : bound}%`);
  if (!Number.isInteger(bound)) {
    return refuse(
      text,
      `${value} is neither a percentage nor a whole count`,
      `Write ${of}${comparison}${Number((bound * 100).toFixed(4))}% if you mean a share`,
    );
  }
  if (comparison === "<" && bound === 0) return refuse(text, "no count is below 0", `Write ${of}==0`);
  return ok({ text: compact, quantity: { kind: "count", of }, comparison, bound });
}

function refuse(text: string, reason: string, hint: string): { readonly ok: false; readonly failure: Failure } {
  return fail({ code: "THRESHOLD_INVALID", message: `Cannot read threshold "${text}": ${reason}`, hint });
}

function isComparison(sign: string): sign is Comparison {
  return (COMPARISONS as readonly string[]).includes(sign);
}

export function evaluateThresholds(result: LoadResult, thresholds: readonly Threshold[]): ThresholdOutcome[] {
  const isJudged = result.audit.invalidBecause.length === 0;
  return thresholds.map((threshold) => {
    const { actual, isLowerBound = false, why } = measure(result, threshold.quantity);
    const reached = actual !== null && holds(actual, threshold.comparison, threshold.bound);
    const isUnknown = reached && isLowerBound && threshold.comparison.startsWith("<");
    const reason = isUnknown ? `not known to hold: ${why}` : why;
    return {
      threshold,
      passed: isJudged && reached && !isUnknown,
      isJudged,
      actual,
      isLowerBound,
      why: isJudged ? reason : `not judged, because the run is invalid (${reason})`,
    };
  });
}

function holds(actual: number, comparison: Comparison, bound: number): boolean {
  switch (comparison) {
    case "<":
      return actual < bound;
    case "<=":
      return actual <= bound;
    case ">":
      return actual > bound;
    case ">=":
      return actual >= bound;
    case "==":
      return actual === bound;
  }
}

interface Measured {
  readonly actual: number | null;
  readonly isLowerBound?: boolean;
  readonly why: string;
}

function measure(result: LoadResult, quantity: Quantity): Measured {
  switch (quantity.kind) {
    case "rate":
      return { actual: result.passedPerSecond, why: `${formatRate(result.passedPerSecond)} requests a second passed` };
    case "count": {
      const actual = quantity.of === "failed" ? result.failedCount : result.audit.droppedCount;
      return { actual, why: `${formatCount(actual)} ${quantity.of}` };
    }
    case "share":
      return measureShare(result, quantity.of);
    case "quantile": {
      const { us, isLowerBound, tooFew } = estimateQuantile(result, quantity.quantile);
      return tooFew === null ? measuredLatency(result, quantileName(quantity.quantile), us, isLowerBound) : { actual: null, why: tooFew };
    }
    case "latency": {
      const { count, censoredCount, knownShare, minUs, meanUs, maxUs } = result.latency;
      if (count === 0) return { actual: null, why: "no answer passed its checks, so there is no latency" };
      if (quantity.of === "min") return measuredLatency(result, "min", minUs, false);
      if (quantity.of === "avg") return measuredLatency(result, "avg", meanUs, knownShare < 1);
      return measuredLatency(result, "max", maxUs, censoredCount > 0);
    }
  }
}

function measuredLatency({ latency: { censoredCount } }: LoadResult, name: string, us: number, isLowerBound: boolean): Measured {
  const why = `${name} was ${spacedUs(us)}`;
  const unanswered = `${formatCount(censoredCount)} ${censoredCount === 1 ? "request" : "requests"} got no answer`;
  return { actual: us, isLowerBound, why: isLowerBound ? `${why} or more, since ${unanswered}` : why };
}

function measureShare(result: LoadResult, of: "failed" | "checks" | "dropped"): Measured {
  if (of === "dropped") {
    return shareOf(result.audit.droppedCount, result.audit.dueCount, "were due and never sent", "no request was due");
  }
  if (of === "failed") return shareOf(result.failedCount, result.requestCount, "failed", "no request was sent");
  const { check_status = 0, check_header = 0, check_body = 0 } = result.errors;
  const broken = check_status + check_header + check_body;
  const passed = result.requestCount - result.failedCount;
  return shareOf(passed, passed + broken, "of the answers passed their checks", "no request was answered");
}

function shareOf(part: number, whole: number, what: string, nothing: string): Measured {
  return whole === 0 ? { actual: null, why: nothing } : { actual: part / whole, why: `${formatShare(part / whole)} ${what}` };
}
