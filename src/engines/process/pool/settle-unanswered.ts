/**
 * Settle unanswered: a call has come back from a process without an answer, and
 * gets its end here: the front of the line, or a failure that says why. One that
 * was lost waits for its process to be gone, which says more than a connection
 * that broke.
 */
import type { ProcessEnd } from "../launch/launched.ts";
import type { CallBook } from "./call-book.ts";
import { explained, failureOf, isLoss, maySendAgain, type Unanswered } from "./call-end.ts";
import type { PoolParts } from "./pool-parts.ts";
import type { PooledCall } from "./pooled-call.ts";

/** The process was killed, and takes milliseconds to be gone. */
const REASON_WAIT_MS = 1_000;
/** The connection was lost; the process may live. */
const RUMOUR_WAIT_MS = 50;

/** True where it is in line again. */
export async function settleUnanswered(
  parts: PoolParts,
  book: CallBook,
  pooled: PooledCall,
  end: Unanswered,
  endWithin: (waitMs: number) => Promise<ProcessEnd | null>,
): Promise<boolean> {
  let known = end;
  if (end.kind === "failed" && isLoss(end.failure)) {
    known = explained(end, await endWithin(end.isSpent ? REASON_WAIT_MS : RUMOUR_WAIT_MS), parts);
  }
  // Its deadline has passed, or its client has left.
  if (pooled.isOver) return false;
  if (maySendAgain(known, pooled)) {
    pooled.resends++;
    parts.counters.resentCalls++;
    book.lineUpFirst(pooled);
    return true;
  }
  book.fail(pooled, failureOf(known, parts.functionId));
  return false;
}
