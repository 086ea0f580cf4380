/**
 * Trace context: W3C's traceparent header, level 1. An incoming trace is
 * continued with a new span id; without one, or with a malformed one, a trace
 * begins here. Ids are made only when somebody needs them.
 */

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZERO_TRACE = "0".repeat(32);
const ZERO_SPAN = "0".repeat(16);

export interface TraceContext {
  readonly traceId: string;
  /** The caller's span; null when the trace begins here. */
  readonly parentSpanId: string | null;
  readonly flags: string;
}

/** Reads a traceparent value; a new trace when there is none that counts. */
export function traceContext(header: string | undefined): TraceContext {
  const match = header === undefined ? null : TRACEPARENT.exec(header.trim());
  if (match !== null) {
    const [, version, traceId, spanId, flags, rest] = match as unknown as [string, string, string, string, string, string?];
    const known = version !== "ff" && !(version === "00" && rest !== undefined);
    if (known && traceId !== ZERO_TRACE && spanId !== ZERO_SPAN) return { traceId, parentSpanId: spanId, flags };
  }
  return { traceId: randomHex(16), parentSpanId: null, flags: "00" };
}

/** Value for an outgoing request: the same trace, a span of our own. */
export function outgoingTraceparent(context: TraceContext): string {
  return `00-${context.traceId}-${randomHex(8)}-${context.flags}`;
}

function randomHex(byteCount: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(byteCount))).toString("hex");
}
