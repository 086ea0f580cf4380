/**
 * AbPlan: a comparison decided before its first process starts. What is asked
 * of the servers is a LoadPlan whose port each process fills in.
 */
import type { LoadPlan } from "../load/plan.ts";
import type { CommandFor } from "./command-text.ts";

export interface Subject {
  readonly label: string;
  readonly command: CommandFor;
}

export const METRICS = ["cpu", "rps", "p50", "p99", "memory", "boot"] as const;
export type MetricName = (typeof METRICS)[number];

/** How one fresh process is measured. */
export interface Measuring {
  /** Request, checks and users; its target's port and its duration are replaced. */
  readonly load: LoadPlan;
  /** Of measured load on each process. */
  readonly measuredMs: number;
  /** At most; warm-up ends when CPU per request stops falling. 0: none. */
  readonly warmUpMaxMs: number;
  /** At least, however soon it seems to stop falling; none when absent. */
  readonly warmUpMinMs?: number;
  readonly startTimeoutMs: number;
}

export interface AbPlan {
  readonly a: Subject;
  readonly b: Subject;
  readonly measuring: Measuring;
  /** Fresh processes per side, at most. */
  readonly roundMaxCount: number;
  /** No round begins that would end after it; one that is under way then is given up. */
  readonly maxMs: number;
  /** The metric that the verdict is about. */
  readonly metric: MetricName;
  /** A difference smaller than this share is no difference. */
  readonly minimumEffect: number;
  readonly alpha: number;
  /** Of the order of processes and of resampling. */
  readonly seed: number;
}

/** What one fresh process gave. NaN where it can't be told. */
export interface ProcessSample {
  readonly bootMs: number;
  readonly cpuUsPerRequest: number;
  /** Of that CPU time, the share spent between its own slices, while nothing was asked of it. */
  readonly cpuBetweenShare: number;
  /** Why CPU time is NaN; null when it is known. */
  readonly cpuUnknownBecause: string | null;
  readonly requestsPerSecond: number;
  readonly p50Us: number;
  /** NaN when there were too few requests for a 99th percentile. */
  readonly p99Us: number;
  readonly rssBytes: number;
  /** Proportional, of anonymous and shared memory. */
  readonly ownPssBytes: number;
  /** The same of files' pages, which depends on who else maps the files. */
  readonly filePssBytes: number;
  readonly requestCount: number;
  readonly receivedBytes: number;
  readonly measuredMs: number;
  /** Its slices are as long as each other. */
  readonly sliceMs: number;
  readonly warmUpMs: number;
  /** Why the generator says, of half of the load or more, that its own figures can't be trusted. */
  readonly invalidBecause: readonly string[];
}
