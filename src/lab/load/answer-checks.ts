/**
 * AnswerChecks: is this answer what was asked for? The plan's checks, compiled
 * once per thread. An answer that fails one is an error with a reason, however
 * fast it came. Checks on headers are made where heads are parsed
 * (response-head.ts), so that a repeated head is judged once.
 */
import type { Checks } from "./plan.ts";
import { quote, type ResponseHead } from "./response-head.ts";
import { CHECKED_BODY_MAX_BYTES, type ResponseReader } from "./response-reader.ts";
import type { ErrorKind } from "./result.ts";

export interface Complaint {
  readonly kind: ErrorKind;
  readonly message: string;
}

export class AnswerChecks {
  readonly #statuses: readonly number[];
  readonly #needles: readonly Buffer[];
  readonly #patterns: readonly RegExp[];
  readonly readsBody: boolean;
  /** Compared by whoever reads. */
  readonly expectedBody: Buffer | null;

  constructor(checks: Checks) {
    this.#statuses = checks.statuses;
    this.#needles = checks.bodyIncludes.map((text) => Buffer.from(text));
    this.#patterns = checks.bodyMatches.map((source) => new RegExp(source));
    this.readsBody = this.#needles.length + this.#patterns.length > 0;
    this.expectedBody = checks.bodyIs === undefined ? null : asBuffer(checks.bodyIs);
  }

  /** Null when nothing is wrong. */
  complain(head: ResponseHead, reader: Pick<ResponseReader, "body" | "isAsExpected">): Complaint | null {
    const { status } = head;
    const isStatusRight = this.#statuses.length === 0 ? status >= 200 && status <= 399 : this.#statuses.includes(status);
    if (!isStatusRight) {
      return {
        kind: "check_status",
        message: `status ${status}, not ${this.#statuses.length === 0 ? "200 to 399" : this.#statuses.join(" or ")}`,
      };
    }
    if (head.headerComplaint !== null) return { kind: "check_header", message: head.headerComplaint };
    if (this.expectedBody !== null && !reader.isAsExpected) {
      return { kind: "check_body", message: `the body is not, byte for byte, the expected one of ${this.expectedBody.length} bytes` };
    }
    return this.readsBody ? this.#complainAboutBody(reader.body()) : null;
  }

  #complainAboutBody(body: Buffer | null): Complaint | null {
    if (body === null)
      return { kind: "check_body", message: `the body is larger than the ${CHECKED_BODY_MAX_BYTES} bytes that a check reads` };
    for (const needle of this.#needles) {
      if (!body.includes(needle))
        return { kind: "check_body", message: `the body has no ${quote(needle.toString())}: ${quote(body.toString())}` };
    }
    if (this.#patterns.length === 0) return null;
    const text = body.toString();
    const missed = this.#patterns.find((pattern) => !pattern.test(text));
    return missed === undefined ? null : { kind: "check_body", message: `the body does not match ${missed}: ${quote(text)}` };
  }
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
