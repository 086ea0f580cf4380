/**
 * What passes between the main thread and a load thread, as plain data. Times
 * are milliseconds of clock.ts unless the name says otherwise.
 */
import type { LoadPlan } from "./plan.ts";
import type { ErrorKind, OpenedAhead, Phase, RequestSamples, RunCounts } from "./result.ts";
import type { ValueCounts } from "./value-counts.ts";

export interface ThreadStart {
  readonly plan: LoadPlan;
  readonly threadIndex: number;
  /** Where the name leads: looked up once, so that no request waits for a resolver. */
  readonly address: string;
  /** For metronome.ts; null in a closed loop. */
  readonly metronome: SharedArrayBuffer | null;
}

export type ToThread =
  /** All threads are connected: the first request is due at `startMs`. */
  | { readonly kind: "begin"; readonly startMs: number }
  /** Send nothing more and report at once; what is under way is not counted. */
  | { readonly kind: "interrupt" };

export interface ConnectFault {
  readonly kind: ErrorKind;
  readonly message: string;
}

export type FromThread =
  /** How many connections are open, and why not all. */
  | { readonly kind: "ready"; readonly openCount: number; readonly fault: ConnectFault | null }
  | { readonly kind: "second"; readonly point: ThreadSecond }
  | { readonly kind: "progress"; readonly completedCount: number; readonly failedCount: number }
  | { readonly kind: "done"; readonly report: ThreadReport };

/** What ended within one second of the measured part. */
export interface ThreadSecond {
  readonly second: number;
  readonly completedCount: number;
  readonly failedCount: number;
  readonly latency: ValueCounts;
}

export interface ThreadReport extends RunCounts {
  /** Left for the server before the measured time was over; `ByHalf`: before half of it was. */
  readonly sentInTimeCount: number;
  /** Answered or failed. */
  readonly completedInTimeCount: number;
  readonly completedByHalfCount: number;
  /** Open loop: what fell due, whatever became of it; 0 in a closed one. */
  readonly dueCount: number;
  readonly dueInTimeCount: number;
  readonly dueByHalfCount: number;
  /** Answered or failed in the measured time, also what had been due before it; and answered rightly. */
  readonly endedInWindowCount: number;
  readonly passedInWindowCount: number;
  readonly strayCount: number;
  readonly droppedCount: number;
  /** Given up when the run was cut short. */
  readonly unfinishedCount: number;
  readonly connectionsMaxInUse: number;
  readonly latency: ValueCounts;
  readonly uncorrected: ValueCounts;
  /** Ages of what was given up without an answer: under way, from the intended and the real send time, and never sent. */
  readonly censored: ValueCounts;
  readonly censoredUncorrected: ValueCounts;
  readonly unsent: ValueCounts;
  readonly phases: Readonly<Record<Phase, ValueCounts>>;
  readonly openedAhead: OpenedAhead;
  readonly lateness: ValueCounts;
  readonly eventLoopLag: ValueCounts;
  /** Share of the measured time in which this thread did not rest. */
  readonly utilization: number;
  readonly cpuUs: number;
  /** When the last measured request ended. */
  readonly lastEndMs: number;
  readonly samples: RequestSamples | null;
}
