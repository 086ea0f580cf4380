/**
 * Refusals: requests that the listener answers itself because their framing,
 * size or timing is wrong. Always an answer with a reason and never just a
 * closed socket; always the last answer of its connection, because behind a
 * broken message nobody knows where the next one begins.
 */
import { JSON_LINE, RETRY_SOON_LINE } from "./answer-lines.ts";
import { errorBody } from "./error-answer.ts";
import { reasonPhrase } from "./reason-phrases.ts";
import { dateLine } from "./response-head.ts";

export interface Refusal {
  readonly kind: "refusal";
  readonly status: number;
  /** Public: clients, logs and tests rely on it. */
  readonly code: string;
  readonly message: string;
}

export function refusal(status: number, code: string, message: string): Refusal {
  return { kind: "refusal", status, code, message };
}

export function malformed(message: string): Refusal {
  return refusal(400, "MALFORMED_REQUEST", message);
}

export function refusalText(reason: Refusal, withBody: boolean): string {
  const body = errorBody(reason.code, reason.message);
  const retry = reason.status === 503 ? RETRY_SOON_LINE : "";
  return (
    `HTTP/1.1 ${reason.status} ${reasonPhrase(reason.status)}\r\n${JSON_LINE}` +
    `content-length: ${Buffer.byteLength(body)}\r\n${dateLine()}connection: close\r\n${retry}\r\n${withBody ? body : ""}`
  );
}
