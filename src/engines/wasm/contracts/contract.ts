/**
 * Request contracts: how a request becomes a guest's input, and its output an
 * answer. Rivals behind one interface; which one a module keeps is decided when
 * it is built. Everything in an answer was written by hostile code: the exchange
 * checks header lines, what is checked here is the shape.
 */

import type { ContractName } from "../../../config/config.ts";
import type { Exchange } from "../../../http/exchange.ts";
import type { CallFailure } from "../../engine.ts";

export interface RequestContract {
  readonly name: ContractName;
  /** The environment tells of the request: a guest that asks for it asks for the request. */
  readonly environIsRequest: boolean;
  /** Standard input; text crosses as UTF-8. */
  input(exchange: Exchange, body: Uint8Array | null): string | Uint8Array | null;
  /** "K=V" pairs of this request, each with a NUL behind it; "" unless `environIsRequest`. */
  environ(exchange: Exchange, body: Uint8Array | null): string;
  /** `stdout` is only valid during the call. */
  answer(stdout: Buffer): Answer | CallFailure;
}

export interface Answer {
  readonly status: number;
  /** "name: value\r\n" each. */
  readonly headerLines: string;
  readonly body: string | Uint8Array | null;
}

export function isFailure(result: Answer | CallFailure): result is CallFailure {
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
