/**
 * Accepting a job: a request whose client doesn't wait for the answer becomes a
 * row of the table of jobs, and the client is told so when the row is on disk,
 * not before. Bodies are bounded, each and all together: they lie in memory until then.
 */
import { describeBytes, MIB } from "../../base/units.ts";
import { JSON_LINE, NO_STORE_LINE, RETRY_LATER_LINE } from "../../http/answer-lines.ts";
import { answerError } from "../../http/error-answer.ts";
import type { Exchange } from "../../http/exchange.ts";
import { JOB_PAYLOAD_MAX_BYTES } from "../../store/job.ts";
import type { JobStore } from "../../store/job-store.ts";
import type { Log } from "../access-log.ts";
import { queueOfCall } from "./job-queues.ts";
import { type JobRequest, requestMeta } from "./job-request.ts";
import { jobPath } from "./job-result.ts";

export interface Asked {
  readonly functionId: string;
  readonly params: JobRequest["params"];
  readonly attemptsMax: number;
}

const IN_FLIGHT_MAX_BYTES = 128 * MIB;

let inFlightBytes = 0;

/** Answers in every case. True when there is a job more. */
export async function acceptJob(exchange: Exchange, asked: Asked, jobs: JobStore, log: Log): Promise<boolean> {
  const held = { bytes: 0 };
  try {
    const payload = await readPayload(exchange, held);
    if (payload === null) return false;
    return await enqueue(exchange, payload, asked, jobs, log);
  } finally {
    inFlightBytes -= held.bytes;
  }
}

async function enqueue(exchange: Exchange, payload: Uint8Array, asked: Asked, jobs: JobStore, log: Log): Promise<boolean> {
  const { functionId, params, attemptsMax } = asked;
  const added = await jobs.enqueue({ queue: queueOfCall(functionId), payload, meta: requestMeta(exchange, params), attemptsMax });
  if (!added.ok) {
    log("error", `Cannot queue a job for ${functionId}: ${added.failure.message}`, { function: functionId, code: "JOB_NOT_QUEUED" });
    const why = added.failure.code === "STORAGE_FULL" ? "the server's storage is full" : "the server's storage can't take it now";
    if (!exchange.answered)
      answerError(exchange, 503, "JOB_NOT_QUEUED", `Nothing was queued: ${why}. Send it again later`, RETRY_LATER_LINE);
    return false;
  }
  const { id } = added.value;
  const url = jobPath(id);
  const lines = `${JSON_LINE}location: ${url}\r\nx-gojinn-job-id: ${id}\r\npreference-applied: respond-async\r\n${NO_STORE_LINE}`;
  if (!exchange.answered) exchange.respond(202, lines, `${JSON.stringify({ status: "queued", job_id: id, url })}\n`);
  return true;
}

/** Null when it was refused, or its client has left. */
async function readPayload(exchange: Exchange, held: { bytes: number }): Promise<Uint8Array | null> {
  const { body } = exchange;
  const hold = (bytes: number): boolean => {
    inFlightBytes += bytes;
    held.bytes += bytes;
    if (held.bytes > JOB_PAYLOAD_MAX_BYTES) {
      const message = `The body of a request that is answered later may have ${describeBytes(JOB_PAYLOAD_MAX_BYTES)}`;
      answerError(exchange, 413, "JOB_TOO_LARGE", message);
      return false;
    }
    if (inFlightBytes > IN_FLIGHT_MAX_BYTES) {
      answerError(
        exchange,
        503,
        "JOB_NOT_QUEUED",
        "Nothing was queued: too many bodies are on their way. Send it again later",
        RETRY_LATER_LINE,
      );
      return false;
    }
    return true;
  };
  if (!hold(body.whole?.length ?? body.length ?? 0)) return null;
  if (body.complete) return body.whole ?? new Uint8Array(0);
  const declared = body.length !== null;
  const chunks: Uint8Array[] = [];
  try {
    for (let chunk = await body.read(); chunk !== null; chunk = await body.read()) {
      if (!declared && !hold(chunk.length)) return null;
      chunks.push(chunk);
    }
  } catch {
    // Too slow, broken off or malformed: the listener has answered for what it refuses.
    if (!exchange.answered && !exchange.aborted) answerError(exchange, 400, "BODY_FAILED", "The request body could not be read");
    return null;
  }
  return exchange.aborted ? null : Buffer.concat(chunks);
}
