/**
 * Error answers in the server's own form, { error: { code, message, requestId } }:
 * one form, whoever refuses the request. Says nothing that a stranger may not
 * know; the caller has made sure of that.
 */
import { JSON_LINE } from "./answer-lines.ts";
import type { Exchange } from "./exchange.ts";

export function errorBody(code: string, message: string, requestId?: string): string {
  return `${JSON.stringify({ error: { code, message, requestId } })}\n`;
}

export function answerError(exchange: Exchange, status: number, code: string, message: string, extraLines = "", requestId?: string): void {
  exchange.respond(status, JSON_LINE + extraLines, errorBody(code, message, requestId));
}
