/**
 * Forwarded reason: why a function's own worker answered in the function's
 * place, for whoever forwarded the request and keeps such reasons
 * (Exchange.tellReason). Travels as a header line between two workers of one
 * server; forward.ts takes it out of every answer, so that no client sees it.
 * A function that writes the line says no more than it could throw.
 */
import type { Exchange } from "./exchange.ts";

export const REASON_HEADER = "x-pilotlight-reason";
/** A message and a few frames. Encoded, a character is nine bytes at most: far from what a head may have. */
const REASON_MAX_CHARS = 4_000;

/** From now on an answer that has a reason waits for it and takes it along. */
export function carryReason(exchange: Exchange): void {
  exchange.tellReason = async (reason) => {
    // Cut, or from a guest, it may hold half a character.
    const text = (await reason).slice(0, REASON_MAX_CHARS).toWellFormed();
    exchange.extraLines += `${REASON_HEADER}: ${encodeURIComponent(text)}\r\n`;
  };
}

/** `value` is that of the header; null when there is none, or none that carryReason wrote. */
export function reasonIn(value: string | string[] | undefined): string | null {
  try {
    return typeof value === "string" ? decodeURIComponent(value) : null;
  } catch {
    return null;
  }
}
