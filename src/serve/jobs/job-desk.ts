/**
 * Job desk: the jobs as the operator sees them, over one data folder. The
 * supervisor keeps one, and so does `pilotlight jobs` while no server runs. Bodies
 * and secrets of requests are shown in part. Makes no file that isn't there.
 */
import { existsSync } from "node:fs";
import { type Failure, fail, ok, type Result } from "../../base/result.ts";
import type { Job, JobCounts, JobState, JobSummary } from "../../store/job.ts";
import type { JobStore } from "../../store/job-store.ts";
import type { Store } from "../../store/store.ts";
import type { StoreFault } from "../../store/store-fault.ts";
import { functionOfCall, queueOfCall, topicOf } from "./job-queues.ts";
import type { JobRequest } from "./job-request.ts";
import type { ResultMeta } from "./job-verdict.ts";

export interface JobReport {
  readonly id: string;
  readonly state: JobState;
  /** Of a client's call. */
  readonly function: string | null;
  /** Of a message. */
  readonly topic: string | null;
  readonly attempts: number;
  readonly attemptsMax: number;
  readonly createdAt: string;
  /** When it is due; of a running one, when it is taken for lost unless its worker says that it lives. */
  readonly dueAt: string;
  readonly finishedAt: string | null;
  readonly error: string | null;
}

export interface JobDetail extends JobReport {
  readonly request: { readonly method: string; readonly target: string; readonly headers: string } | null;
  readonly payload: Shown;
  readonly result: (Shown & ResultMeta) | null;
}

interface Shown {
  readonly bytes: number;
  /** Its beginning; null when it is no text. */
  readonly text: string | null;
}

export interface JobQuery {
  readonly state?: JobState;
  readonly function?: string;
  readonly topic?: string;
  readonly limit?: number;
  readonly before?: string;
}

const PAGE_COUNT = 500;
const SHOWN_BYTES = 4_096;
const SECRET_LINE = /^((?:authorization|cookie|[\w-]*(?:token|secret|api-?key|password)[\w-]*):)[^\r\n]*/gim;

export class JobDesk {
  readonly #dataDir: string;
  readonly #queued: () => void;
  #store: Promise<Store> | null = null;

  /** `queued` hears of jobs that were queued again. */
  constructor(dataDir: string, queued: () => void = () => {}) {
    this.#dataDir = dataDir;
    this.#queued = queued;
  }

  /** Newest first. */
  async list({ function: functionId, topic, ...filter }: JobQuery): Promise<Result<JobReport[]>> {
    const { queueOfTopic } = await import("../../host/queue.ts");
    const queue = functionId === undefined ? (topic === undefined ? undefined : queueOfTopic(topic)) : queueOfCall(functionId);
    const listed = await this.#ask([], (jobs) => jobs.list({ ...filter, ...(queue === undefined ? {} : { queue }) }));
    return listed.ok ? ok(listed.value.map(report)) : listed;
  }

  async show(id: string): Promise<Result<JobDetail>> {
    const found = await this.#ask(null, (jobs) => jobs.get(id));
    if (!found.ok) return found;
    return found.value === null ? fail(unknown(id)) : ok(detail(found.value));
  }

  /** Dead or done ones again, with all their attempts. */
  async replay(id: string): Promise<Result<void>> {
    const replayed = await this.#move(id, (jobs) => jobs.replay(id), "is queued or running already");
    if (replayed.ok) this.#queued();
    return replayed;
  }

  async drop(id: string): Promise<Result<void>> {
    return this.#move(id, (jobs) => jobs.drop(id), "is running: wait for its end");
  }

  /** Every dead one; how many there were. */
  async replayDead(query: Pick<JobQuery, "function" | "topic"> = {}): Promise<Result<number>> {
    const replayed = await this.#eachDead(query, (jobs, id) => jobs.replay(id));
    this.#queued();
    return replayed;
  }

  async dropDead(query: Pick<JobQuery, "function" | "topic"> = {}): Promise<Result<number>> {
    return this.#eachDead(query, (jobs, id) => jobs.drop(id));
  }

  async counts(): Promise<Result<JobCounts>> {
    return this.#ask([], (jobs) => jobs.counts());
  }

  async close(): Promise<void> {
    await (await this.#store)?.close();
  }

  async #eachDead(
    query: Pick<JobQuery, "function" | "topic">,
    move: (jobs: JobStore, id: string) => ReturnType<JobStore["drop"]>,
  ): Promise<Result<number>> {
    const filter = { ...query, state: "dead", limit: PAGE_COUNT } as const;
    let count = 0;
    let page = await this.list(filter);
    while (page.ok) {
      const last = page.value.at(-1);
      if (last === undefined) return ok(count);
      // Asked for before its predecessor is moved: a job that was dropped marks no place, and one that is dead again must not come twice.
      const next = await this.list({ ...filter, before: last.id });
      for (const { id } of page.value) {
        const moved = await this.#ask(false, (jobs) => move(jobs, id));
        if (!moved.ok) return moved;
        if (moved.value) count++;
      }
      page = next;
    }
    return page;
  }

  async #move(id: string, move: (jobs: JobStore) => ReturnType<JobStore["drop"]>, otherwise: string): Promise<Result<void>> {
    const moved = await this.#ask(false, move);
    if (!moved.ok) return moved;
    if (moved.value) return ok(undefined);
    const found = await this.#ask(null, (jobs) => jobs.get(id));
    if (!found.ok) return found;
    return fail(found.value === null ? unknown(id) : { code: "JOB_BUSY", message: `The job ${id} ${otherwise}` });
  }

  async #ask<Value>(absent: Value, question: (jobs: JobStore) => Promise<Result<Value, StoreFault>>): Promise<Result<Value>> {
    const { tableFile } = await import("../../store/tables.ts");
    if (!existsSync(tableFile(this.#dataDir, "jobs", ""))) return ok(absent);
    this.#store ??= this.#open();
    return question((await this.#store).jobs);
  }

  async #open(): Promise<Store> {
    const { openStore } = await import("../../store/store.ts");
    return openStore({ dataDir: this.#dataDir, onStuck: () => {} });
  }
}

function report(job: JobSummary): JobReport {
  const time = (ms: number): string => new Date(ms).toISOString();
  return {
    id: job.id,
    state: job.state,
    function: functionOfCall(job.queue),
    topic: topicOf(job.queue),
    attempts: job.attemptCount,
    attemptsMax: job.attemptsMax,
    createdAt: time(job.createdAtMs),
    dueAt: time(job.runAtMs),
    finishedAt: job.finishedAtMs === null ? null : time(job.finishedAtMs),
    error: job.error,
  };
}

function detail(job: Job): JobDetail {
  const request = topicOf(job.queue) === null ? (JSON.parse(job.meta ?? "null") as JobRequest | null) : null;
  const result = job.resultMeta === null ? null : (JSON.parse(job.resultMeta) as ResultMeta);
  return {
    ...report(job),
    request: request === null ? null : { method: request.method, target: request.target, headers: redacted(request.headerBlock) },
    payload: shown(job.payload),
    result: result === null ? null : { ...result, ...shown(job.result ?? new Uint8Array(0)) },
  };
}

function redacted(headerBlock: string): string {
  return headerBlock.replace(SECRET_LINE, "$1 ***");
}

function shown(bytes: Uint8Array): Shown {
  const start = bytes.subarray(0, SHOWN_BYTES);
  // A character may be cut in two at the end.
  const text = new TextDecoder("utf-8", { fatal: false }).decode(start, { stream: true });
  return { bytes: bytes.length, text: text.includes("\ufffd") || text.includes("\0") ? null : text };
}

function unknown(id: string): Failure {
  return { code: "JOB_UNKNOWN", message: `There is no job ${id}`, hint: "`pilotlight jobs list` names those that are" };
}
