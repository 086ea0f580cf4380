/**
 * Retries: how long to wait before the same is asked again, and when not to.
 * Exponential back-off with jitter, so that mirrors that failed together do
 * not come back together; Retry-After (RFC 9110 section 10.2.3) is kept to.
 * Pure; the caller waits.
 */
import { SECOND_MS } from "../../base/units.ts";
import type { UpstreamFailure } from "../failures.ts";

const DELAY_MAX_MS = 30 * SECOND_MS;
/** Somebody waits for the answer: an index that wants to be left alone for longer is not waited for. */
const RETRY_AFTER_MAX_MS = 10 * SECOND_MS;

/** Of the attempt after `failedCount` that failed; null when asking again is of no use now. `random` is in [0, 1). */
export function retryDelayMs(failure: UpstreamFailure, failedCount: number, baseMs: number, random: number): number | null {
  const fullMs = Math.min(DELAY_MAX_MS, baseMs * 2 ** Math.min(failedCount - 1, 30));
  const delayMs = Math.round(fullMs * (0.5 + random / 2));
  const retryAfterMs = failure.code === "UPSTREAM_STATUS" ? (failure.retryAfterMs ?? 0) : 0;
  return retryAfterMs > RETRY_AFTER_MAX_MS ? null : Math.max(delayMs, retryAfterMs);
}

/** A Retry-After line as milliseconds from now; null when there is none, or none that can be read. */
export function readRetryAfter(value: string | null, nowMs: number): number | null {
  if (value === null) return null;
  const text = value.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * SECOND_MS;
  // Date.parse takes much that is no HTTP date ("-5" is a year): ours name their day first.
  if (!/^[A-Z][a-z]{2},? /.test(text)) return null;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}
