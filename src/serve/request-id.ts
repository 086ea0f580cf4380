/**
 * Request ids: what ties an answer to its log lines. The caller's own
 * x-request-id where it is a plain token (it ends up in logs and headers), else
 * one of ours: unique in this process and cheap to make.
 */
import type { Exchange } from "../http/exchange.ts";

const PLAIN_TOKEN = /^[\w.:-]{1,128}$/;

let requestCount = 0;
const prefix = `${Date.now().toString(36)}-${process.pid.toString(36)}-`;

/** A new id at every call unless the caller sent one: ask once per exchange. */
export function requestIdOf(exchange: Exchange): string {
  const given = exchange.header("x-request-id");
  return given !== undefined && PLAIN_TOKEN.test(given) ? given : prefix + (++requestCount).toString(36);
}
