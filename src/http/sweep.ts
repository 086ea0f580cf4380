/**
 * Sweep: one coarse timer instead of one per connection. Connections remember
 * the tick of their last sign of life; the sweep compares. So a deadline costs
 * a request one assignment, and is kept to within a tick.
 */
import type { Socket } from "node:net";
import type { HttpLimits } from "../config/config.ts";
import { type Refusal, refusal } from "./refusal.ts";

/** Limits in ticks. */
export interface TickLimits {
  readonly header: number;
  readonly idleTransfer: number;
  readonly keepAlive: number;
  readonly linger: number;
}

const INTERVAL_MAX_MS = 500;
const INTERVAL_MIN_MS = 20;
/** A closed connection's last answer gets this long to be read. */
const LINGER_MS = 2_000;

/** A quarter of the shortest limit, so that short limits hold too. */
export function sweepIntervalMs(limits: HttpLimits): number {
  const shortestMs = Math.min(limits.headerTimeoutMs, limits.idleTransferTimeoutMs, limits.keepAliveTimeoutMs);
  return Math.max(INTERVAL_MIN_MS, Math.min(INTERVAL_MAX_MS, Math.floor(shortestMs / 4)));
}

export function tickLimits(limits: HttpLimits): TickLimits {
  const intervalMs = sweepIntervalMs(limits);
  const ticks = (ms: number) => Math.ceil(ms / intervalMs);
  return {
    header: ticks(limits.headerTimeoutMs),
    idleTransfer: ticks(limits.idleTransferTimeoutMs),
    keepAlive: ticks(limits.keepAliveTimeoutMs),
    linger: ticks(LINGER_MS),
  };
}

export function headTimeout(limits: HttpLimits): Refusal {
  return refusal(408, "HEADERS_TIMEOUT", `The request headers did not arrive within ${limits.headerTimeoutMs} ms`);
}

export function bodyTimeout(limits: HttpLimits): Refusal {
  return refusal(408, "BODY_TIMEOUT", `No byte of the request body arrived for ${limits.idleTransferTimeoutMs} ms`);
}

/** Bytes that the client has not taken yet: `drain` events alone would fail a slow but steady reader of one large write. */
export function writeQueueBytes(socket: Socket): number {
  return (socket as { _handle?: { writeQueueSize?: number } | null })._handle?.writeQueueSize ?? 0;
}
