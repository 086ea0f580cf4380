/**
 * Recorder: what one load thread counts. Hot path, once per request: numbers
 * into histograms, nothing allocated. What was due in the warm-up is in no
 * latency and no count of requests, whenever it ends; where it ends in the
 * measured time it is in the rate, because the server worked on it then.
 */
import { UsHistogram } from "./histogram.ts";
import { type ErrorKind, PHASES, type Phase } from "./result.ts";
import { SampleColumns } from "./sample-columns.ts";
import type { ThreadReport, ThreadSecond } from "./thread-messages.ts";

/** Milliseconds of clock.ts; NaN where it did not come to that. */
export interface Timing {
  intendedMs: number;
  sentMs: number;
  writtenMs: number;
  firstByteMs: number;
  /** Of the connection opened for this request; 0 for one that was open. */
  connectingMs: number;
  tlsMs: number;
  /** That connection was open before the request was there: no part of its latency. */
  isOpenedAhead: boolean;
}

const SECOND_MS = 1_000;
/** Statuses are counted in an array; a status has three digits. */
const STATUS_COUNT = 1_000;

type Counted = Omit<ThreadReport, "connectionsOpened" | "connectionsMaxInUse" | "sentBytes" | "receivedBytes" | "utilization" | "cpuUs">;

export class Recorder {
  readonly #latency = new UsHistogram();
  readonly #uncorrected = new UsHistogram();
  /** What had no answer when it was given up, at the age it had reached: its latency is that or more. */
  readonly #censored = new UsHistogram();
  readonly #censoredUncorrected = new UsHistogram();
  /** The same of what never left. */
  readonly #unsent = new UsHistogram();
  readonly #phases = Object.fromEntries(PHASES.map((phase) => [phase, new UsHistogram()])) as Record<Phase, UsHistogram>;
  readonly #lateness = new UsHistogram();
  readonly #lag = new UsHistogram();
  readonly #statuses = new Float64Array(STATUS_COUNT);
  readonly #samples: SampleColumns | null;
  readonly #onSecond: (point: ThreadSecond) => void;
  readonly #secondLatency = UsHistogram.coarse();
  #second = 0;
  #secondCompletedCount = 0;
  #secondFailedCount = 0;
  #startMs = Number.POSITIVE_INFINITY;
  #endMs = Number.POSITIVE_INFINITY;
  #midMs = Number.POSITIVE_INFINITY;
  #lastEndMs = 0;
  #okCount = 0;
  #openedCount = 0;
  readonly #openedAhead = { count: 0, connectingUs: 0, tlsUs: 0 };
  #sentInTimeCount = 0;
  #completedInTimeCount = 0;
  #completedByHalfCount = 0;
  #dueCount = 0;
  #dueInTimeCount = 0;
  #dueByHalfCount = 0;
  #endedInWindowCount = 0;
  #passedInWindowCount = 0;
  #droppedCount = 0;
  #unfinishedCount = 0;
  readonly #errors: Partial<Record<ErrorKind, number>> = {};
  readonly #errorExamples: Partial<Record<ErrorKind, string>> = {};
  failedCount = 0;
  /** Times that bytes came which no request had asked for. */
  strayCount = 0;

  /** `sampleMaxCount` 0 keeps no line for each request. */
  constructor(sampleMaxCount: number, onSecond: (point: ThreadSecond) => void) {
    this.#samples = sampleMaxCount > 0 ? new SampleColumns(sampleMaxCount) : null;
    this.#onSecond = onSecond;
  }

  get requestCount(): number {
    return this.#okCount + this.failedCount;
  }

  /** The measured part; infinite until the run begins. */
  measureBetween(startMs: number, endMs: number): void {
    this.#startMs = startMs;
    this.#endMs = endMs;
    this.#midMs = startMs + (endMs - startMs) / 2;
    this.#lastEndMs = startMs;
  }

  isMeasured(intendedMs: number): boolean {
    return intendedMs >= this.#startMs;
  }

  /** Open loop: every request as its time comes up in the schedule, whatever becomes of it. */
  fallDue(dueMs: number): void {
    // Nor NaN, which is due before the first.
    if (!(dueMs >= this.#startMs)) return;
    this.#dueCount++;
    if (dueMs < this.#endMs) this.#dueInTimeCount++;
    if (dueMs < this.#midMs) this.#dueByHalfCount++;
  }

  send(intendedMs: number, sentMs: number): void {
    if (intendedMs >= this.#startMs && sentMs <= this.#endMs) this.#sentInTimeCount++;
  }

  succeed(timing: Timing, status: number, endMs: number): void {
    const { intendedMs, sentMs } = timing;
    this.#countEnd(endMs, false);
    if (intendedMs < this.#startMs) return;
    const phases = this.#phases;
    this.#latency.recordMs(endMs - intendedMs);
    this.#uncorrected.recordMs(endMs - sentMs);
    this.#secondLatency.recordMs(endMs - intendedMs);
    phases.sending.recordMs(timing.writtenMs - sentMs);
    phases.waiting.recordMs(timing.firstByteMs - timing.writtenMs);
    phases.receiving.recordMs(endMs - timing.firstByteMs);
    let openingMs = 0;
    // In most requests these are nothing; the zeros are added up at the end.
    if (timing.connectingMs > 0) {
      this.#openedCount++;
      phases.connecting.recordMs(timing.connectingMs);
      phases.tls_handshaking.recordMs(timing.tlsMs);
      if (timing.isOpenedAhead) this.#openAhead(timing);
      else openingMs = timing.connectingMs + timing.tlsMs;
    }
    phases.blocked.recordMs(sentMs - intendedMs - openingMs);
    this.#okCount++;
    this.#statuses[status] = this.#statuses[status]! + 1;
    this.#endAt(endMs);
    this.#samples?.add((intendedMs - this.#startMs) * 1e3, (endMs - intendedMs) * 1e3, status);
  }

  /** `sentMs` is NaN for a request that never left; `status` 0 without an answer. */
  fail(kind: ErrorKind, message: string, intendedMs: number, sentMs: number, status: number, endMs: number): void {
    this.#countEnd(endMs, true);
    if (intendedMs < this.#startMs) return;
    this.failedCount++;
    this.#errors[kind] = (this.#errors[kind] ?? 0) + 1;
    this.#errorExamples[kind] ??= message;
    if (status > 0) this.#statuses[status] = this.#statuses[status]! + 1;
    this.#endAt(endMs);
    if (kind === "timeout") {
      this.#censor(intendedMs, sentMs, endMs);
      this.#secondLatency.recordMs(endMs - intendedMs);
    }
    this.#samples?.add((intendedMs - this.#startMs) * 1e3, (endMs - intendedMs) * 1e3, status);
  }

  /** Due and never sent: neither answered nor failed. */
  drop(dueMs: number, atMs: number): void {
    if (dueMs < this.#startMs) return;
    this.#droppedCount++;
    this.#censor(dueMs, Number.NaN, atMs);
  }

  /** Given up because the run was cut short. `sentMs` is NaN for a request that never left. */
  leaveUnfinished(intendedMs: number, sentMs: number, atMs: number): void {
    if (intendedMs < this.#startMs) return;
    this.#unfinishedCount++;
    this.#censor(intendedMs, sentMs, atMs);
  }

  lateBy(intendedMs: number, lateMs: number): void {
    if (intendedMs >= this.#startMs) this.#lateness.recordMs(lateMs);
  }

  loopLaggedBy(lagMs: number): void {
    this.#lag.recordMs(lagMs);
  }

  /** Hands out every second that is over at `atMs`. */
  turnSecond(atMs: number): void {
    while (atMs - this.#startMs >= (this.#second + 1) * SECOND_MS) this.#closeSecond();
  }

  finish(): Counted {
    if (this.#secondCompletedCount > 0) this.#closeSecond();
    for (const phase of ["connecting", "tls_handshaking"] as const) this.#phases[phase].addMany(0, this.#okCount - this.#openedCount);
    const statuses: Record<string, number> = {};
    for (const [status, count] of this.#statuses.entries()) if (count > 0) statuses[status] = count;
    return {
      requestCount: this.requestCount,
      failedCount: this.failedCount,
      sentInTimeCount: this.#sentInTimeCount,
      completedInTimeCount: this.#completedInTimeCount,
      completedByHalfCount: this.#completedByHalfCount,
      dueCount: this.#dueCount,
      dueInTimeCount: this.#dueInTimeCount,
      dueByHalfCount: this.#dueByHalfCount,
      endedInWindowCount: this.#endedInWindowCount,
      passedInWindowCount: this.#passedInWindowCount,
      strayCount: this.strayCount,
      droppedCount: this.#droppedCount,
      unfinishedCount: this.#unfinishedCount,
      errors: this.#errors,
      errorExamples: this.#errorExamples,
      statuses,
      latency: this.#latency.toValueCounts(),
      uncorrected: this.#uncorrected.toValueCounts(),
      censored: this.#censored.toValueCounts(),
      censoredUncorrected: this.#censoredUncorrected.toValueCounts(),
      unsent: this.#unsent.toValueCounts(),
      phases: Object.fromEntries(PHASES.map((phase) => [phase, this.#phases[phase].toValueCounts()])) as ThreadReport["phases"],
      openedAhead: this.#openedAhead,
      lateness: this.#lateness.toValueCounts(),
      eventLoopLag: this.#lag.toValueCounts(),
      lastEndMs: this.#lastEndMs,
      samples: this.#samples?.take() ?? null,
    };
  }

  #openAhead({ connectingMs, tlsMs }: Timing): void {
    this.#openedAhead.count++;
    this.#openedAhead.connectingUs += connectingMs * 1e3;
    this.#openedAhead.tlsUs += tlsMs * 1e3;
  }

  #censor(intendedMs: number, sentMs: number, atMs: number): void {
    if (Number.isNaN(sentMs)) this.#unsent.recordMs(atMs - intendedMs);
    else {
      this.#censored.recordMs(atMs - intendedMs);
      this.#censoredUncorrected.recordMs(atMs - sentMs);
    }
  }

  /** By when it ended alone: for the rate, and for the second that it ended in. */
  #countEnd(endMs: number, hasFailed: boolean): void {
    if (endMs < this.#startMs) return;
    if (endMs - this.#startMs >= (this.#second + 1) * SECOND_MS) this.turnSecond(endMs);
    this.#secondCompletedCount++;
    if (hasFailed) this.#secondFailedCount++;
    if (endMs > this.#endMs) return;
    this.#endedInWindowCount++;
    if (!hasFailed) this.#passedInWindowCount++;
  }

  #endAt(endMs: number): void {
    if (endMs <= this.#endMs) this.#completedInTimeCount++;
    if (endMs <= this.#midMs) this.#completedByHalfCount++;
    if (endMs > this.#lastEndMs) this.#lastEndMs = endMs;
  }

  #closeSecond(): void {
    this.#onSecond({
      second: this.#second,
      completedCount: this.#secondCompletedCount,
      failedCount: this.#secondFailedCount,
      latency: this.#secondLatency.toValueCounts(),
    });
    this.#second++;
    this.#secondCompletedCount = 0;
    this.#secondFailedCount = 0;
    this.#secondLatency.reset();
  }
}
