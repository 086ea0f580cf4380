/**
 * Job result: what the URL of a job answers. Whoever knows the id may read: it
 * is 128 random bits and told to nobody but the client that sent the request.
 * Says of a failure only that it happened; the reason is the operator's.
 */
import { JSON_LINE, NO_STORE_LINE, RETRY_SOON_LINE } from "../../http/answer-lines.ts";
import { answerError } from "../../http/error-answer.ts";
import type { Exchange } from "../../http/exchange.ts";
import type { Job } from "../../store/job.ts";
import type { JobStore } from "../../store/job-store.ts";
import type { ResultMeta } from "./job-verdict.ts";

export const JOBS_PATH = "/_jobs/";
const ID = /^[0-9a-f]{32}$/;

export function jobPath(id: string): string {
  return JOBS_PATH + id;
}

/** Null in a path that can't be one of ours. */
export function jobIdOf(path: string): string | null {
  const id = path.slice(JOBS_PATH.length);
  return ID.test(id) ? id : null;
}

export function answerUnknown(exchange: Exchange): void {
  answerError(exchange, 404, "JOB_UNKNOWN", "There is no such job, or its result is no longer kept", NO_STORE_LINE);
}

export async function answerResult(exchange: Exchange, id: string, jobs: JobStore, keepMs: number): Promise<void> {
  const found = await jobs.get(id);
  if (exchange.aborted) return;
  if (!found.ok)
    answerError(exchange, 503, "JOBS_UNREADABLE", "The jobs can't be read now; ask again later", RETRY_SOON_LINE + NO_STORE_LINE);
  else if (found.value === null) answerUnknown(exchange);
  else answerJob(exchange, found.value, keepMs);
}

function answerJob(exchange: Exchange, job: Job, keepMs: number): void {
  if (job.state === "queued" || job.state === "running") {
    const body = { status: job.state, job_id: job.id, url: jobPath(job.id), attempts: job.attemptCount };
    exchange.respond(202, JSON_LINE + RETRY_SOON_LINE + NO_STORE_LINE, `${JSON.stringify(body)}\n`);
    return;
  }
  if (job.state === "dead") {
    const message = `The job failed after ${job.attemptCount} attempts and is tried no more`;
    answerError(exchange, 500, "JOB_DEAD", message, NO_STORE_LINE);
    return;
  }
  if ((job.finishedAtMs ?? 0) + keepMs <= Date.now()) {
    answerError(exchange, 410, "JOB_EXPIRED", "The result of this job is no longer kept", NO_STORE_LINE);
    return;
  }
  const { status, headerLines } = JSON.parse(job.resultMeta ?? "") as ResultMeta;
  exchange.respond(status, headerLines, job.result);
}
