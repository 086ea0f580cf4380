/**
 * Job verdict: what becomes of a job after an attempt. Pure; chance is passed in.
 * Failures that may pass are tried again, later each time, with jitter so that
 * jobs that failed together don't come back together. A client's call that was
 * answered 4xx is done, for the answer is the client's to read; a message has
 * nobody to read it, so there it is dead. What the server broke off says nothing
 * of the function and uses up no attempt.
 */
import { SECOND_MS } from "../../base/units.ts";
import type { JobsConfig } from "../../config/config.ts";
import { headerPairs, valuesOf } from "../../http/hop-by-hop.ts";
import type { JobAnswer } from "./job-exchange.ts";

export type Verdict =
  | { readonly do: "complete"; readonly resultMeta: string; readonly body: Uint8Array }
  | ({ readonly do: "retry"; readonly delayMs: number } & Failed)
  | ({ readonly do: "bury" } & Failed)
  /** Its attempt doesn't count. */
  | { readonly do: "giveBack"; readonly reason: string };

export interface Failed {
  /** One line. */
  readonly error: string;
  /** With the frames of what it threw, or the beginning of what it answered: for the table, and no log, which is kept elsewhere and for longer. */
  readonly whole: string;
}

/** Of a done job, beside the body. */
export interface ResultMeta {
  readonly status: number;
  readonly headerLines: string;
}

type RetryPolicy = Pick<JobsConfig, "retryDelayMs" | "retryDelayMaxMs">;

/** RFC 9110, 8470 and 6585: the same request may succeed later. */
const PASSING = [408, 425, 429];
const SHOWN_BODY_MAX_BYTES = 500;

export function judge(
  answer: JobAnswer,
  attempt: { readonly count: number; readonly isMessage: boolean },
  policy: RetryPolicy,
  chance: number,
): Verdict {
  if (answer.kind === "aborted") return { do: "giveBack", reason: answer.reason };
  const delayMs = retryDelayMs(attempt.count, policy, chance);
  if (answer.kind === "broken") {
    const failed = failedBy(answer.reason);
    return answer.again ? { do: "retry", ...failed, delayMs } : { do: "bury", ...failed };
  }
  const { status, headerLines, body, reason } = answer;
  if (status >= 500 || PASSING.includes(status)) {
    const askedMs = Math.min(retryAfterMs(headerLines), policy.retryDelayMaxMs);
    return { do: "retry", ...(reason === null ? answered(status, body) : failedBy(reason)), delayMs: Math.max(delayMs, askedMs) };
  }
  if (status >= 400 && attempt.isMessage) return { do: "bury", ...answered(status, body) };
  return { do: "complete", resultMeta: JSON.stringify({ status, headerLines } satisfies ResultMeta), body };
}

/** Between half of the delay and one and a half of it. `chance` is from 0 to 1. */
export function retryDelayMs(attemptCount: number, { retryDelayMs, retryDelayMaxMs }: RetryPolicy, chance: number): number {
  const doubled = Math.min(retryDelayMs * 2 ** (attemptCount - 1), retryDelayMaxMs);
  return Math.round(Math.min(doubled * (0.5 + chance), retryDelayMaxMs));
}

function retryAfterMs(headerLines: string): number {
  const [value = ""] = valuesOf(headerPairs(headerLines), "retry-after");
  return /^\d{1,9}$/.test(value) ? Number(value) * SECOND_MS : 0;
}

/** Its first line says it. */
function failedBy(reason: string): Failed {
  const [error = ""] = reason.split("\n", 1);
  return { error, whole: reason };
}

function answered(status: number, body: Uint8Array): Failed {
  const said = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, SHOWN_BODY_MAX_BYTES)).toString("utf8").trim();
  const error = `it answered ${status}`;
  return { error, whole: said === "" ? error : `${error}: ${said}` };
}
