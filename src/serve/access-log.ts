/**
 * Access log: one record for every answer, whoever gave it, all in one form.
 * Off with --quiet, which is decided by whoever would call this.
 */
import type { Exchange } from "../http/exchange.ts";
import type { LogLevel } from "../telemetry/log-record.ts";

export type Log = (level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>) => void;

/** `function` or `source`: which of the two answered. */
export type Origin = { readonly function: string } | { readonly source: string };

export interface Answered {
  readonly requestId: string;
  readonly status: number;
  readonly bodyBytes: number;
  readonly latencyUs: number;
}

export function logAccess(log: Log, origin: Origin, { method, target }: Exchange, answered: Answered): void {
  const { requestId, status, bodyBytes, latencyUs } = answered;
  const fields = { ...origin, requestId, method, path: target, status, bytes: bodyBytes, durationUs: Math.round(latencyUs) };
  log("info", `${method} ${target} ${status}`, fields);
}
