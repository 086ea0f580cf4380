/**
 * The result of a load run as JSON, for programs: names stay as they are once
 * published (additions only; `schema` counts what breaks), every quantity's
 * name ends in its unit, and a figure that isn't known is null. The requests
 * one by one are the CSV's: they would make a file of hundreds of megabytes.
 */
import { samplesForQuantile } from "../../stats/quantile-interval.ts";
import { type Distribution, type LoadResult, PHASES, REPORTED_QUANTILES } from "../load/result.ts";
import { errorLines } from "./findings.ts";
import { thisMachine } from "./machine.ts";
import { planData, planUrl } from "./plan-text.ts";
import { estimateQuantile, isKnown } from "./quantile-estimate.ts";
import type { ThresholdOutcome } from "./thresholds.ts";

/** Indented, ends with a line break. */
export function toJson(result: LoadResult, outcomes: readonly ThresholdOutcome[]): string {
  return `${JSON.stringify(reportData(result, outcomes), null, 2)}\n`;
}

function reportData(result: LoadResult, outcomes: readonly ThresholdOutcome[]) {
  const { audit, requestCount, failedCount } = result;
  const machine = thisMachine();
  return {
    schema: "pilotlight-load/1",
    started_at: result.startedAt,
    url: planUrl(result.plan.target),
    method: result.plan.method,
    valid: audit.invalidBecause.length === 0,
    invalid_because: audit.invalidBecause,
    interrupted: result.interrupted,
    thresholds_passed: outcomes.every(({ passed }) => passed),
    thresholds: outcomes.map(({ threshold, passed, isJudged, actual, isLowerBound, why }) => ({
      threshold: threshold.text,
      passed,
      judged: isJudged,
      actual,
      actual_is_lower_bound: isLowerBound,
      why,
    })),
    duration_ms: result.durationMs,
    drain_ms: result.drainMs,
    fell_behind: result.behind !== null,
    unanswered_count: result.behind?.unansweredCount ?? null,
    request_count: requestCount,
    late_count: result.lateCount,
    unfinished_count: result.unfinishedCount,
    failed_count: failedCount,
    failed_share: requestCount === 0 ? null : failedCount / requestCount,
    requests_per_second: result.passedPerSecond,
    censored_count: result.latency.censoredCount,
    latency: distributionData(result.latency),
    latency_uncorrected: distributionData(result.uncorrected),
    latency_quantiles: REPORTED_QUANTILES.map((quantile) => {
      const { us, isLowerBound, interval, tooFew } = estimateQuantile(result, quantile);
      return {
        quantile,
        value_us: tooFew === null && !isLowerBound ? us : null,
        at_least_us: tooFew === null && isLowerBound ? us : null,
        low_us: interval?.low ?? null,
        high_us: interval?.high ?? null,
        confidence: interval?.confidence ?? null,
        refused_because: tooFew,
      };
    }),
    phases: Object.fromEntries(PHASES.map((phase) => [phase, distributionData(result.phases[phase])])),
    per_second: result.perSecond.map((point) => ({
      second: point.second,
      target_count: point.targetCount,
      completed_count: point.completedCount,
      failed_count: point.failedCount,
      latency_count: point.latencyCount,
      median_us: point.latencyCount < samplesForQuantile(0.5) ? null : point.medianUs,
      p99_us: point.latencyCount < samplesForQuantile(0.99) ? null : point.p99Us,
    })),
    errors: errorLines(result).map(({ kind, count, example }) => ({ kind, count, example })),
    statuses: result.statuses,
    sent_bytes: result.sentBytes,
    received_bytes: result.receivedBytes,
    connections_opened: result.connectionsOpened,
    users_max_count: result.usersMaxCount,
    stall_40ms: result.stall40ms,
    audit: {
      target_per_second: audit.targetPerSecond,
      achieved_per_second: audit.achievedPerSecond,
      due_count: audit.dueCount,
      dropped_count: audit.droppedCount,
      lateness: distributionData(audit.lateness),
      event_loop_lag: distributionData(audit.eventLoopLag),
      thread_utilization: audit.threadUtilization,
      cpu_us_per_request: audit.cpuUsPerRequest,
    },
    plan: planData(result.plan),
    machine: {
      operating_system: machine.operatingSystem,
      kernel: machine.kernel,
      cpu_model: machine.cpuModel,
      cpu_count: machine.cpuCount,
      memory_bytes: machine.memoryBytes,
      node: machine.node,
    },
  };
}

/** What the summary refuses must not be had here instead: null for too few values, and for what is but a lower bound. */
function distributionData(distribution: Distribution) {
  const { count, censoredCount, knownShare } = distribution;
  const moment = (us: number) => (count > 0 && knownShare === 1 ? us : null);
  const quantile = (share: number, us: number) => (isKnown(distribution, share) ? us : null);
  return {
    count,
    censored_count: censoredCount,
    known_share: count === 0 ? null : knownShare,
    min_us: count === 0 ? null : distribution.minUs,
    mean_us: moment(distribution.meanUs),
    standard_deviation_us: moment(distribution.standardDeviationUs),
    median_us: quantile(0.5, distribution.medianUs),
    p90_us: quantile(0.9, distribution.p90Us),
    p95_us: quantile(0.95, distribution.p95Us),
    p99_us: quantile(0.99, distribution.p99Us),
    p99_9_us: quantile(0.999, distribution.p999Us),
    max_us: count === 0 || censoredCount > 0 ? null : distribution.maxUs,
    curve: distribution.curve
      .filter((point) => point.quantile > 0 && point.quantile < 1 && isKnown(distribution, point.quantile))
      .map((point) => ({ quantile: point.quantile, value_us: point.us })),
  };
}
