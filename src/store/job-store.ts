/**
 * Job store: the durable table of jobs, for whoever hands them out and carries
 * them out. Any number of processes may use one data folder. What succeeds is
 * on disk. The moves themselves, and what each argument means, are in
 * job-table.ts; this is their asynchronous form.
 */
import type { Job, JobCounts, JobFilter, JobState, JobSummary, LeasedJob, NewJob } from "./job.ts";
import type { StoreClient, StoreResult } from "./store-client.ts";

export interface JobStore {
  enqueue(job: NewJob): StoreResult<{ id: string; isNew: boolean }>;
  lease(queues: readonly string[], count: number, leaseMs: number, couldNotExtend?: boolean): StoreResult<LeasedJob[]>;
  extend(job: Held, leaseMs: number): StoreResult<boolean>;
  complete(job: Held, result: Uint8Array | null, resultMeta: string | null): StoreResult<boolean>;
  retry(job: Held, error: string, delayMs: number): StoreResult<"queued" | "dead" | null>;
  bury(job: Held, error: string): StoreResult<boolean>;
  giveBack(job: Held): StoreResult<boolean>;
  replay(id: string): StoreResult<boolean>;
  drop(id: string): StoreResult<boolean>;
  get(id: string): StoreResult<Job | null>;
  list(filter: JobFilter): StoreResult<JobSummary[]>;
  counts(): StoreResult<JobCounts>;
  dueInMs(queues: readonly string[]): StoreResult<number | null>;
  sweep(keepMs: number, keepDeadMs: number): StoreResult<number>;
}

export type Held = Pick<LeasedJob, "id" | "lease">;
export type { Job, JobCounts, JobFilter, JobState, JobSummary, LeasedJob, NewJob };

export function jobStore(client: StoreClient): JobStore {
  return {
    enqueue: (job) => client.run("jobs", "", "enqueue", job),
    lease: (queues, count, leaseMs, couldNotExtend) => client.run("jobs", "", "lease", queues, count, leaseMs, couldNotExtend),
    extend: ({ id, lease }, leaseMs) => client.run("jobs", "", "extend", id, lease, leaseMs),
    complete: ({ id, lease }, result, resultMeta) => client.run("jobs", "", "complete", id, lease, result, resultMeta),
    retry: ({ id, lease }, error, delayMs) => client.run("jobs", "", "retry", id, lease, error, delayMs),
    bury: ({ id, lease }, error) => client.run("jobs", "", "bury", id, lease, error),
    giveBack: ({ id, lease }) => client.run("jobs", "", "giveBack", id, lease),
    replay: (id) => client.run("jobs", "", "replay", id),
    drop: (id) => client.run("jobs", "", "drop", id),
    get: (id) => client.run("jobs", "", "get", id),
    list: (filter) => client.run("jobs", "", "list", filter),
    counts: () => client.run("jobs", "", "counts"),
    dueInMs: (queues) => client.run("jobs", "", "dueInMs", queues),
    sweep: (keepMs, keepDeadMs) => client.run("jobs", "", "sweep", keepMs, keepDeadMs),
  };
}
