/**
 * Answers that functions write as bytes, whatever engine runs them. Everything
 * in one was written by hostile code: the exchange checks header lines again,
 * what is checked by those who read an answer is its shape.
 */
import type { CallFailure } from "../engine.ts";

export interface Answer {
  readonly status: number;
  /** "name: value\r\n" each. */
  readonly headerLines: string;
  readonly body: string | Uint8Array | null;
}

export function isFailure<Value extends object>(result: Value | CallFailure): result is CallFailure {
  return "code" in result;
}

export const PLAIN_TEXT = "content-type: text/plain; charset=utf-8\r\n";
export const BYTES = "content-type: application/octet-stream\r\n";

export function isStatus(status: unknown): status is number {
  return Number.isInteger(status) && (status as number) >= 200 && (status as number) <= 599;
}

// RFC 9110 sections 5.1 and 5.5. Line by line, because a value that ends its line would pass for two good ones afterwards.
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

export function isHeader(name: string, value: string): boolean {
  return HEADER_NAME.test(name) && HEADER_VALUE.test(value);
}
