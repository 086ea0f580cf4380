/**
 * Threads' reports become one LoadResult: histograms are added, never averaged.
 * Pure: the caller passes the times.
 */

import { dueCount, scheduleMs } from "./arrival-times.ts";
import { type AuditFacts, findBottlenecks } from "./audit.ts";
import { backlogOf } from "./backlog.ts";
import { blockIntervals } from "./block-intervals.ts";
import { censoredDistribution } from "./censored-distribution.ts";
import { UsHistogram } from "./histogram.ts";
import { joinSamples } from "./join-samples.ts";
import { type LoadPlan, plannedDurationMs } from "./plan.ts";
import {
  type Audit,
  type Backlog,
  ERROR_KINDS,
  type ErrorKind,
  type LoadResult,
  PHASES,
  type Phase,
  REPORTED_QUANTILES,
} from "./result.ts";
import type { Seconds } from "./seconds.ts";
import { findStall } from "./stall.ts";
import type { ThreadReport } from "./thread-messages.ts";
import { countOf, type ValueCounts } from "./value-counts.ts";

export interface RunTimes {
  readonly startedAt: string;
  /** When the measured part began, on the threads' clock. */
  readonly startMs: number;
  /** When it was cut short; null when it was not. */
  readonly interruptedMs: number | null;
}

const SECOND_MS = 1_000;

export function mergeReports(plan: LoadPlan, reports: readonly ThreadReport[], seconds: Seconds, times: RunTimes): LoadResult {
  const sum = (pick: (report: ThreadReport) => number): number => reports.reduce((total, report) => total + pick(report), 0);
  const merged = (pick: (report: ThreadReport) => ValueCounts): UsHistogram => {
    const histogram = new UsHistogram();
    for (const report of reports) histogram.add(pick(report));
    return histogram;
  };
  const durationMs = measuredMs(plan, reports, times);
  const phases = Object.fromEntries(PHASES.map((phase) => [phase, merged((report) => report.phases[phase])])) as Record<Phase, UsHistogram>;
  const requestCount = sum((report) => report.requestCount);
  const failedCount = sum((report) => report.failedCount);
  const counts = (pick: (report: ThreadReport) => ValueCounts): ValueCounts => merged(pick).toValueCounts();
  const answers = merged((report) => report.latency);
  const latency = censoredDistribution(answers, { sent: counts(({ censored }) => censored), unsent: counts(({ unsent }) => unsent) });
  const uncorrected = censoredDistribution(
    merged((report) => report.uncorrected),
    { sent: counts(({ censoredUncorrected }) => censoredUncorrected), unsent: new Float64Array(0) },
  );
  const completedInTimeCount = sum((report) => report.completedInTimeCount);
  const behind = findBacklog(plan, reports, durationMs, times);
  const isOpenLoop = plan.arrivals.kind !== "closed";
  // The last answers are always under way when an open loop ends: where the server kept pace, all of what was due counts.
  const countsLate = isOpenLoop && behind === null && times.interruptedMs === null;
  const passedCount = countsLate ? requestCount - failedCount : sum((report) => report.passedInWindowCount);
  const errors: Partial<Record<ErrorKind, number>> = {};
  const errorExamples: Partial<Record<ErrorKind, string>> = {};
  for (const kind of ERROR_KINDS) {
    const count = sum((report) => report.errors[kind] ?? 0);
    if (count > 0) errors[kind] = count;
    const example = reports.find((report) => report.errorExamples[kind] !== undefined)?.errorExamples[kind];
    if (example !== undefined) errorExamples[kind] = example;
  }
  return {
    plan,
    startedAt: times.startedAt,
    durationMs,
    interrupted: times.interruptedMs !== null,
    unfinishedCount: sum((report) => report.unfinishedCount),
    drainMs: Math.max(0, lastEndMs(reports) - times.startMs - durationMs),
    passedPerSecond: perSecond(passedCount, durationMs),
    lateCount: requestCount - completedInTimeCount,
    behind,
    requestCount,
    failedCount,
    errors,
    errorExamples,
    statuses: addStatuses(reports),
    sentBytes: sum((report) => report.sentBytes),
    receivedBytes: sum((report) => report.receivedBytes),
    connectionsOpened: sum((report) => report.connectionsOpened),
    usersMaxCount: plan.arrivals.kind === "closed" ? plan.arrivals.users : sum((report) => report.connectionsMaxInUse),
    latency,
    latencyCounts: answers.toValueCounts(),
    latencyIntervals: blockIntervals(seconds.latencies, quantilesWithin(seconds.latencies, latency.count), plan.seed),
    uncorrected,
    phases: Object.fromEntries(PHASES.map((phase) => [phase, phases[phase].distribution()])) as LoadResult["phases"],
    openedAhead: {
      count: sum(({ openedAhead }) => openedAhead.count),
      connectingUs: sum(({ openedAhead }) => openedAhead.connectingUs),
      tlsUs: sum(({ openedAhead }) => openedAhead.tlsUs),
    },
    perSecond: seconds.points(plan, durationMs),
    stall40ms: findStall({ waiting: phases.waiting.toValueCounts(), receiving: phases.receiving.toValueCounts() }),
    audit: auditOf({
      isOpenLoop,
      strayCount: sum((report) => report.strayCount),
      isInterrupted: times.interruptedMs !== null,
      hasBacklog: behind !== null,
      dueCount: sum((report) => report.dueCount),
      medianLatencyUs: latency.medianUs,
      threadCount: plan.threadCount,
      answeredCount: requestCount - failedCount,
      durationMs,
      targetPerSecond: plan.arrivals.kind === "closed" ? null : perSecond(askedCount(plan, durationMs), durationMs),
      achievedPerSecond: perSecond(
        sum((report) => (isOpenLoop ? report.sentInTimeCount : report.endedInWindowCount)),
        durationMs,
      ),
      droppedCount: sum((report) => report.droppedCount),
      lateness: merged((report) => report.lateness).distribution(),
      eventLoopLag: merged((report) => report.eventLoopLag).distribution(),
      threadUtilization: sum((report) => report.utilization) / reports.length,
      cpuUsPerRequest: requestCount === 0 ? 0 : sum((report) => report.cpuUs) / requestCount,
    }),
    samples: plan.keepsSamples ? joinSamples(reports.flatMap(({ samples }) => (samples === null ? [] : [samples]))) : null,
  };
}

/** What is left out of a quantile's tail may be so small a part of it that its interval stays about the same. */
const LEFT_OUT_OF_TAIL_MAX = 0.1;

/** Seconds hold what ended, not what was never sent or cut off: quantiles that those could move have no interval. */
function quantilesWithin(seconds: readonly ValueCounts[], latencyCount: number): number[] {
  const leftOutShare = 1 - seconds.reduce((sum, second) => sum + countOf(second), 0) / latencyCount;
  return REPORTED_QUANTILES.filter((quantile) => leftOutShare <= (1 - quantile) * LEFT_OUT_OF_TAIL_MAX);
}

function auditOf(facts: AuditFacts): Audit {
  const { targetPerSecond, achievedPerSecond, dueCount, droppedCount, lateness, eventLoopLag, threadUtilization, cpuUsPerRequest } = facts;
  return {
    targetPerSecond,
    achievedPerSecond,
    dueCount,
    droppedCount,
    lateness,
    eventLoopLag,
    threadUtilization,
    cpuUsPerRequest,
    invalidBecause: findBottlenecks(facts),
  };
}

/** What the plan says; a run that was cut short, or a closed loop that its count ended, lasted until then. */
function measuredMs(plan: LoadPlan, reports: readonly ThreadReport[], { startMs, interruptedMs }: RunTimes): number {
  const { arrivals } = plan;
  const plannedMs = arrivals.kind === "closed" ? (plannedDurationMs(plan) ?? Number.POSITIVE_INFINITY) : scheduleMs({ ...plan, arrivals });
  if (interruptedMs !== null) return Math.max(0, Math.min(plannedMs, interruptedMs - startMs));
  if (arrivals.kind !== "closed") return plannedMs;
  const countedOut = plan.requestMaxCount !== null && reports.reduce((sum, report) => sum + report.requestCount, 0) >= plan.requestMaxCount;
  return countedOut || plannedMs === Number.POSITIVE_INFINITY ? Math.min(plannedMs, lastEndMs(reports) - startMs) : plannedMs;
}

function lastEndMs(reports: readonly ThreadReport[]): number {
  return Math.max(...reports.map((report) => report.lastEndMs));
}

function findBacklog(plan: LoadPlan, reports: readonly ThreadReport[], durationMs: number, times: RunTimes): Backlog | null {
  const { arrivals } = plan;
  if (arrivals.kind === "closed" || times.interruptedMs !== null) return null;
  const counts = { dueByHalfCount: 0, dueInTimeCount: 0, completedByHalfCount: 0, completedInTimeCount: 0 };
  let endedInWindowCount = 0;
  for (const report of reports) {
    counts.dueByHalfCount += report.dueByHalfCount;
    counts.dueInTimeCount += report.dueInTimeCount;
    counts.completedByHalfCount += report.completedByHalfCount;
    counts.completedInTimeCount += report.completedInTimeCount;
    endedInWindowCount += report.endedInWindowCount;
  }
  const unansweredCount = backlogOf({ shape: { ...plan, arrivals }, durationMs, ...counts });
  return unansweredCount === null ? null : { unansweredCount, answeredPerSecond: perSecond(endedInWindowCount, durationMs) };
}

/** Requests that the plan wanted within the measured part. */
function askedCount(plan: LoadPlan, durationMs: number): number {
  if (plan.arrivals.kind === "closed") return 0;
  const due = Math.round(dueCount({ ...plan, arrivals: plan.arrivals }, 0, durationMs));
  return plan.requestMaxCount === null ? due : Math.min(due, plan.requestMaxCount);
}

function perSecond(count: number, durationMs: number): number {
  return durationMs > 0 ? (count * SECOND_MS) / durationMs : 0;
}

function addStatuses(reports: readonly ThreadReport[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { statuses } of reports) {
    for (const [status, count] of Object.entries(statuses)) sums[status] = (sums[status] ?? 0) + count;
  }
  return sums;
}
