/**
 * What a result says in sentences, for the terminal and the page alike: whether
 * it counts, what the correction revealed, the 40 ms stall with its cause, and
 * the audit line by line. Pure: strings without colour or markup.
 */
import { quantileName } from "../../stats/quantile.ts";
import { ERROR_KINDS, type ErrorKind, type LoadResult, type Phase, REPORTED_QUANTILES } from "../load/result.ts";
import { formatCount, formatRate, formatShare, spacedUs } from "./format.ts";
import { estimateQuantile, isLowerBound, quantileOf } from "./quantile-estimate.ts";

export interface ErrorLine {
  readonly kind: ErrorKind;
  readonly what: string;
  readonly count: number;
  /** Of all requests. */
  readonly share: number;
  readonly example: string;
}

const ERROR_TEXT: Readonly<Record<ErrorKind, string>> = {
  refused: "connection refused",
  unreachable: "host unreachable",
  reset: "connection reset",
  closed: "closed before the whole answer",
  timeout: "no whole answer in time",
  tls: "TLS failed",
  malformed: "answer is not HTTP",
  check_status: "status check failed",
  check_header: "header check failed",
  check_body: "body check failed",
};

/** The most frequent first. */
export function errorLines(result: LoadResult): ErrorLine[] {
  return ERROR_KINDS.map((kind) => ({
    kind,
    what: ERROR_TEXT[kind],
    count: result.errors[kind] ?? 0,
    share: (result.errors[kind] ?? 0) / Math.max(1, result.requestCount),
    example: result.errorExamples[kind] ?? "",
  }))
    .filter((line) => line.count > 0)
    .sort((a, b) => b.count - a.count);
}

/** Whether latency has two readings: in a closed loop a request is due when it is sent. */
export function isOpenLoop({ plan }: LoadResult): boolean {
  return plan.arrivals.kind !== "closed";
}

/**
 * Where the correction matters: the reported quantile whose uncorrected value
 * differs most. Null when both tell the same (within a tenth, or a millisecond).
 * Of a closed loop, that nothing can be corrected.
 */
export function omissionText(result: LoadResult): string | null {
  if (!isOpenLoop(result))
    return "Closed loop: while the server stands still nobody asks it, so stalls count for less here than people would feel; measure with --rate to see how long they would wait.";
  const told = REPORTED_QUANTILES.map((quantile) => {
    const uncorrectedUs = quantileOf(result.uncorrected, quantile);
    return { ...estimateQuantile(result, quantile), uncorrectedUs, isComparable: !isLowerBound(result.uncorrected, quantile) };
  }).filter(
    ({ us, uncorrectedUs, isComparable, tooFew }) => tooFew === null && isComparable && us - uncorrectedUs > Math.max(1_000, us / 10),
  );
  if (told.length === 0) return null;
  const worst = told.reduce((most, each) => (each.us - each.uncorrectedUs > most.us - most.uncorrectedUs ? each : most));
  return `Counted from the moment each request was sent, the ${quantileName(worst.quantile)} would read ${spacedUs(worst.uncorrectedUs)} instead of ${worst.isLowerBound ? "at least " : ""}${spacedUs(worst.us)}: requests that were due waited, and most tools leave that wait out.`;
}

/** From which quantile on latency is a lower bound; null where all of it was measured. */
export function censoredText({ latency: { censoredCount, knownShare } }: LoadResult): string | null {
  if (censoredCount === 0) return null;
  const got = `${formatCount(censoredCount)} ${censoredCount === 1 ? "request" : "requests"} got no answer (timed out, never sent, or cut off by the end)`;
  if (knownShare === 1)
    return `${got}: how long they would have taken is estimated from those that took longer than they had waited (product-limit estimate).`;
  return `${got}: above ${quantileName(Math.floor(knownShare * 1_000) / 1_000)} latency is not known, only that it is at least what is shown (≥).`;
}

/** The server could not do what was due; null where it kept pace. */
export function behindText({
  behind,
  audit,
  drainMs,
  usersMaxCount,
  plan,
}: LoadResult): { readonly observed: string; readonly mend: string } | null {
  if (behind === null) return null;
  const { unansweredCount, answeredPerSecond } = behind;
  const dropped = audit.droppedCount === 0 ? "" : `, ${formatCount(audit.droppedCount)} of them never sent`;
  const unanswered = `${formatCount(unansweredCount)} of ${formatCount(audit.dueCount)} requests were unanswered when the time was over${dropped}`;
  const allInUse = usersMaxCount >= plan.connectionMaxCount;
  const unsure = allInUse
    ? ` All ${formatCount(plan.connectionMaxCount)} connections were in use: with more (--connections) it may do more.`
    : "";
  return {
    observed: `The server fell behind: it answered ${formatRate(answeredPerSecond)} of ${formatRate(audit.targetPerSecond ?? 0)} requests a second.`,
    mend: `${unanswered}; the last answer came ${spacedUs(drainMs * 1_000)} later. Latency is that of a queue that grew as long as the run lasted.${unsure}`,
  };
}

/** What was observed and what to do; null when there is no stall. */
export function stallText(result: LoadResult): { readonly observed: string; readonly cause: string; readonly mend: string } | null {
  if (result.stall40ms === null) return null;
  const { share, phase } = result.stall40ms;
  return {
    observed: `${formatShare(share)} of the requests lost about 40 ms ${PHASE_TEXT[phase]}.`,
    cause: `That is Nagle's algorithm waiting for a delayed acknowledgement: ${WRITER} sends a message in two small writes, the second is held back until the first is acknowledged, and the receiver delays that by 40 ms.`,
    mend: `Let ${WRITER} send head and body in one write, and set TCP_NODELAY on its socket. It says nothing about how fast the code behind it is.`,
  };
}

const PHASE_TEXT: Readonly<Record<Phase, string>> = {
  blocked: "before they were sent",
  connecting: "while connecting",
  tls_handshaking: "in the TLS handshake",
  sending: "while being sent",
  waiting: "before the first byte of the answer",
  receiving: "between the first and the last byte of the answer",
};
const WRITER = "the server (or a proxy before it)";

export interface AuditLine {
  readonly name: string;
  readonly value: string;
  readonly meaning: string;
}

export function auditLines({ audit, lateCount }: LoadResult): AuditLine[] {
  const { targetPerSecond, achievedPerSecond, dueCount, droppedCount, lateness, eventLoopLag } = audit;
  const own: AuditLine[] = [
    { name: "event-loop lag p99", value: spacedUs(eventLoopLag.p99Us), meaning: `${spacedUs(eventLoopLag.maxUs)} at most` },
    {
      name: "thread utilization",
      value: formatShare(audit.threadUtilization),
      meaning: "of one core for each thread; above about 80% it may be the bottleneck",
    },
    { name: "own CPU per request", value: spacedUs(audit.cpuUsPerRequest), meaning: "spent by the generator" },
  ];
  const achieved = `${formatRate(achievedPerSecond)}/s`;
  // Nothing is due at a certain time in a closed loop, so nothing is dropped or late.
  if (targetPerSecond === null)
    return [{ name: "achieved rate", value: achieved, meaning: `closed loop: the server's pace decides${lateText(lateCount)}` }, ...own];
  const reached =
    targetPerSecond === 0 ? "" : `${formatShare(Math.min(1, achievedPerSecond / targetPerSecond))} of the target left in time`;
  const dropped =
    droppedCount === 0 ? "every due request was sent" : `${formatShare(droppedCount / dueCount)} of those due were never sent`;
  return [
    { name: "sent", value: `${achieved} of ${formatRate(targetPerSecond)}/s`, meaning: reached },
    { name: "dropped", value: formatCount(droppedCount), meaning: dropped },
    { name: "lateness p99", value: spacedUs(lateness.p99Us), meaning: "intended to real send time, with a connection free" },
    ...own,
  ];
}

/** Whoever divides the requests by the seconds gets another rate. */
function lateText(lateCount: number): string {
  if (lateCount === 0) return "";
  return `; ${formatCount(lateCount)} ${lateCount === 1 ? "answer that came" : "answers that came"} after the end not counted`;
}

/** What the CSV holds where the run had more requests than are kept; null where it holds all. */
export function samplesText({ samples, requestCount }: LoadResult): string | null {
  if (samples === null || samples.startUs.length === requestCount) return null;
  return `The CSV holds ${formatCount(samples.startUs.length)} of ${formatCount(requestCount)} requests: the first that ended. Every other figure is of all.`;
}

/** "interrupted after 4.2 s": partial results, said in the same words everywhere. */
export function interruptedText(result: LoadResult): string | null {
  if (!result.interrupted) return null;
  const { unfinishedCount } = result;
  const were = unfinishedCount === 1 ? "request was" : "requests were";
  const givenUp = unfinishedCount === 0 ? "" : ` ${formatCount(unfinishedCount)} ${were} under way or due, and given up.`;
  return `Interrupted after ${spacedUs(result.durationMs * 1_000)}: these are partial results.${givenUp}`;
}
