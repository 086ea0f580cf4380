/**
 * Call end: what the end of a call at its instance means for the call. Pure. A
 * call is sent again only when no byte of it reached the instance, or when the
 * instance was lost before it began to answer and the method is idempotent (RFC
 * 9110 section 9.2.2) with a body that is still all there; twice at most. A
 * failure that the process told of itself is its answer, and final.
 */
import { formatSize } from "../../../base/units.ts";
import type { CallFailure } from "../../engine.ts";
import type { ProcessEnd } from "../launch/launched.ts";
import type { CallEnd } from "../links/link.ts";

export const RESENDS_MAX = 2;

const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** Whether a second instance may see the call after a first has seen it. `isBodyWhole`: all of it was there when the call came. */
export function isRepeatable(method: string, isBodyWhole: boolean): boolean {
  return IDEMPOTENT.has(method) && isBodyWhole;
}

export interface SentCall {
  readonly isRepeatable: boolean;
  readonly isAnswerBegun: boolean;
  readonly resends: number;
}

export type Unanswered = Exclude<CallEnd, { readonly kind: "answered" }>;

export function maySendAgain(end: Unanswered, { isRepeatable, isAnswerBegun, resends }: SentCall): boolean {
  if (isAnswerBegun || resends >= RESENDS_MAX) return false;
  return end.kind === "unsent" || (isLoss(end.failure) && isRepeatable);
}

/** The instance went away under the call: how its process ended says more. */
export function isLoss({ code }: CallFailure): boolean {
  return code === "SANDBOX_LOST";
}

export interface Explained {
  readonly functionId: string;
  readonly memoryMaxBytes: number;
}

/** The end of a call, with what is known of the end of its process; null while that is not known. */
export function explained(end: Unanswered, processEnd: ProcessEnd | null, { functionId, memoryMaxBytes }: Explained): Unanswered {
  if (end.kind === "unsent" || !isLoss(end.failure) || processEnd === null) return end;
  const failure: CallFailure = isOverMemory(processEnd)
    ? {
        code: "MEMORY_LIMIT_EXCEEDED",
        message: `${functionId} used more than its ${formatSize(memoryMaxBytes)} of memory: its process was ended (${processEnd.told})`,
      }
    : { code: "SANDBOX_LOST", message: `The process of ${functionId} ended while it had the call: ${processEnd.told}` };
  return { ...end, failure };
}

export function failureOf(end: Unanswered, functionId: string): CallFailure {
  if (end.kind === "failed") return end.failure;
  return { code: "SANDBOX_LOST", message: `${functionId} could not be given the call: ${end.why}` };
}

/** The words of the launcher, which alone knows who sent the signal. */
function isOverMemory({ told }: ProcessEnd): boolean {
  return told.includes("memory limit");
}
