/**
 * Job: what the durable table of jobs keeps, in types and limits. A job is
 * queued (due at `runAtMs`), running (under a lease that ends by itself), done, or
 * dead (given up: listed, replayed or dropped by people).
 */
import { MIB } from "../base/units.ts";

export const JOB_PAYLOAD_MAX_BYTES = 16 * MIB;
export const JOB_RESULT_MAX_BYTES = 8 * MIB;

export type JobState = "queued" | "running" | "done" | "dead";

export const JOB_STATES: readonly JobState[] = ["queued", "running", "done", "dead"];

export interface NewJob {
  /** Who takes it. "topic/NAME" is what functions send to; other beginnings are the server's own. */
  readonly queue: string;
  readonly payload: Uint8Array;
  /** Text beside the payload, for whoever takes the job: JSON of a request's head, for one. */
  readonly meta?: string;
  readonly delayMs?: number;
  /** Attempts after which it is dead. */
  readonly attemptsMax?: number;
  /** Within its queue: a second job with the same key is the first one, as long as that is kept. */
  readonly idempotencyKey?: string;
}

export interface Job {
  /** 128 random bits: who knows it may ask for the result. */
  readonly id: string;
  readonly queue: string;
  readonly state: JobState;
  readonly payload: Uint8Array;
  readonly meta: string | null;
  readonly attemptCount: number;
  readonly attemptsMax: number;
  readonly createdAtMs: number;
  /** When it is due; of a running one, when its lease ends. */
  readonly runAtMs: number;
  readonly finishedAtMs: number | null;
  /** Of its last attempt that failed. */
  readonly error: string | null;
  readonly result: Uint8Array | null;
  readonly resultMeta: string | null;
}

/** Without what may be large. */
export type JobSummary = Omit<Job, "payload" | "result">;

/** A job in the hands of one worker; `lease` proves it. */
export interface LeasedJob extends Job {
  readonly lease: string;
}

export interface JobFilter {
  readonly state?: JobState;
  readonly queue?: string;
  readonly limit?: number;
  /** Id of the last one of the page before: older ones follow. */
  readonly before?: string;
}

export type JobCounts = readonly { readonly queue: string; readonly state: JobState; readonly count: number }[];
