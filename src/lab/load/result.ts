/**
 * LoadResult: what a run of the load generator found, as plain data: what
 * reports print, files keep and comparisons read. Times are microseconds unless
 * the name says otherwise.
 */
import type { LoadPlan } from "./plan.ts";
import type { ValueCounts } from "./value-counts.ts";

/** An HdrHistogram's summary; quantiles are those of the recorded values, to three digits. */
export interface Distribution {
  /** The censored ones too. */
  readonly count: number;
  /** Of these only a lower bound is known; the greatest of all is one, too, where there are any. */
  readonly censoredCount: number;
  /** Quantiles above it are lower bounds; below 1 the mean is one as well. */
  readonly knownShare: number;
  readonly minUs: number;
  readonly meanUs: number;
  readonly standardDeviationUs: number;
  readonly medianUs: number;
  readonly p90Us: number;
  readonly p95Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
  /** Ascending, for plots: share of the values at or below it. */
  readonly curve: readonly { readonly quantile: number; readonly us: number }[];
}

/** k6's names: what a request spends its time on. */
export const PHASES = ["blocked", "connecting", "tls_handshaking", "sending", "waiting", "receiving"] as const;
export type Phase = (typeof PHASES)[number];

export const ERROR_KINDS = [
  "refused",
  "unreachable",
  "reset",
  "closed",
  "timeout",
  "tls",
  "malformed",
  "check_status",
  "check_header",
  "check_body",
] as const;
export type ErrorKind = (typeof ERROR_KINDS)[number];

/** One second of the run. */
export interface SecondPoint {
  /** From the start of the measured part. */
  readonly second: number;
  /** null in a closed loop. */
  readonly targetCount: number | null;
  /** Failed ones too, and what had been due in the warm-up. */
  readonly completedCount: number;
  readonly failedCount: number;
  /** Of what was due in the measured part: answers that passed, and requests that timed out. */
  readonly latencyCount: number;
  /** Of those; 0 without any. */
  readonly medianUs: number;
  readonly p99Us: number;
}

/** Columns of equal lengths; of a whole run in send order. */
export interface RequestSamples {
  /** Intended send time, from the start of the measured part. */
  readonly startUs: Float64Array<ArrayBuffer>;
  /** From the intended send time. */
  readonly latencyUs: Float64Array<ArrayBuffer>;
  /** 0 where there was no answer. */
  readonly status: Uint16Array<ArrayBuffer>;
}

/** Whether the generator kept up; what it says of itself decides whether the run counts. */
export interface Audit {
  /** Requests a second over the measured part; null in a closed loop. */
  readonly targetPerSecond: number | null;
  /** Within the measured time: of an open loop what left, of a closed one what ended. */
  readonly achievedPerSecond: number;
  /** Open loop: what fell due in the measured part, whatever became of it; 0 in a closed loop. */
  readonly dueCount: number;
  /** Of those, never sent. */
  readonly droppedCount: number;
  /** Intended to real send time, when a connection was free: the generator's own lateness. */
  readonly lateness: Distribution;
  readonly eventLoopLag: Distribution;
  /** Of one core, averaged over threads and the run: 1 is a thread that never rested. */
  readonly threadUtilization: number;
  readonly cpuUsPerRequest: number;
  /** Empty when the figures can be trusted; else one sentence for each reason that they can't. */
  readonly invalidBecause: readonly string[];
}

/** Open loop: the server answered less than was due, and what waited for it grew. */
export interface Backlog {
  /** Due and unanswered when the measured time was over. */
  readonly unansweredCount: number;
  readonly answeredPerSecond: number;
}

/** Connections that were open before a request needed them: in the phases of their first one, in no latency. Sums. */
export interface OpenedAhead {
  readonly count: number;
  readonly connectingUs: number;
  readonly tlsUs: number;
}

/** What is counted alike in each thread and in the whole run. */
export interface RunCounts {
  readonly requestCount: number;
  readonly failedCount: number;
  readonly errors: Readonly<Partial<Record<ErrorKind, number>>>;
  /** One example message for each kind of error. */
  readonly errorExamples: Readonly<Partial<Record<ErrorKind, string>>>;
  readonly statuses: Readonly<Record<string, number>>;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly connectionsOpened: number;
}

/** Of a quantile of the corrected latency. */
export interface LatencyInterval {
  readonly quantile: number;
  readonly lowUs: number;
  readonly highUs: number;
  readonly confidence: number;
}

/** The quantiles that every report shows. */
export const REPORTED_QUANTILES = [0.5, 0.9, 0.95, 0.99, 0.999] as const;

export interface LoadResult extends RunCounts {
  readonly plan: LoadPlan;
  readonly startedAt: string;
  /** The measured part, without warm-up. */
  readonly durationMs: number;
  /** From the end of the measured part until the last answer to what had been due in it; 0 when all had come. */
  readonly drainMs: number;
  /**
   * Requests a second: answers that passed every check and came within the
   * measured time, whenever their request began. Of an open loop with which the
   * server kept pace, all of what was due.
   */
  readonly passedPerSecond: number;
  /** Answered or failed in that time. */
  readonly lateCount: number;
  /** Null where the server kept pace, in a closed loop and in a run cut short. */
  readonly behind: Backlog | null;
  /** Cut short by the user: partial, and marked so everywhere. */
  readonly interrupted: boolean;
  /** Given up when it was cut short: under way, or due and waiting for a connection; in no count of requests. */
  readonly unfinishedCount: number;
  /** Users; of an open loop the most connections seen in use at once. */
  readonly usersMaxCount: number;
  /**
   * From the intended send time, of answers that passed every check. Requests given up without one (timed out,
   * never sent, or unanswered when the run was cut short) are censored in it.
   */
  readonly latency: Distribution;
  /** Of those answers alone. */
  readonly latencyCounts: ValueCounts;
  /** Of REPORTED_QUANTILES; none of a run of less than ten seconds. */
  readonly latencyIntervals: readonly LatencyInterval[];
  /** The same answers from the real send time: what most tools print. */
  readonly uncorrected: Distribution;
  readonly phases: Readonly<Record<Phase, Distribution>>;
  readonly openedAhead: OpenedAhead;
  readonly perSecond: readonly SecondPoint[];
  /** A delay near 40 ms that many requests share: Nagle's algorithm against delayed acknowledgement; the share of requests. Null when there is none. */
  readonly stall40ms: { readonly share: number; readonly phase: Phase } | null;
  readonly audit: Audit;
  /** The first SAMPLES_MAX_COUNT that ended; null where the plan keeps none. */
  readonly samples: RequestSamples | null;
}

/** Live, about twice a second. */
export interface LoadProgress {
  readonly elapsedMs: number;
  readonly totalMs: number | null;
  readonly completedCount: number;
  readonly failedCount: number;
  readonly perSecond: number;
  readonly p99Us: number;
  readonly isWarmUp: boolean;
}
