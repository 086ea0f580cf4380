/**
 * ResponseHead: what the first lines of an answer say about the rest of it
 * (RFC 9112). Stricter than a browser: a load generator that forgives a wrong
 * frame reports a broken server as a fast one.
 */
import type { Checks } from "./plan.ts";

/** How the body ends. */
export const NO_BODY = 0;
export const BY_LENGTH = 1;
export const CHUNKED = 2;
export const BY_CLOSE = 3;

export interface ResponseHead {
  readonly status: number;
  readonly framing: typeof NO_BODY | typeof BY_LENGTH | typeof CHUNKED | typeof BY_CLOSE;
  readonly length: number;
  readonly keepsAlive: boolean;
  /** What a check on a header says against it. */
  readonly headerComplaint: string | null;
}

export type HeaderCheck = Checks["headers"][number];

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [^\r\n\0]*)?$/;
const FIELD_NAME = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):/;
const FORBIDDEN = /[\r\n\0]/;
const DIGITS = /^\d{1,15}$/;

/** `text` ends before the empty line. The fault is a phrase about the answer: "has …". */
export function parseHead(text: string, isHeadRequest: boolean, checks: readonly HeaderCheck[]): ResponseHead | string {
  const lines = text.split("\r\n");
  const start = STATUS_LINE.exec(lines[0]!);
  if (start === null) return `begins with ${quote(lines[0]!)} instead of a status line of HTTP/1.1`;
  const status = Number(start[2]);
  let length: number | null = null;
  let isChunked = false;
  let keepsAlive = start[1] === "1";
  const values: [string, string][] = [];
  for (let at = 1; at < lines.length; at++) {
    const line = lines[at]!;
    const header = FIELD_NAME.exec(line);
    if (header === null || FORBIDDEN.test(line)) return `has a header line that is none: ${quote(line)}`;
    const name = header[1]!.toLowerCase();
    const value = withoutBlanks(line, header[0].length);
    if (checks.length > 0) values.push([name, value]);
    if (name === "content-length") {
      if (!DIGITS.test(value)) return `has content-length ${quote(value)}`;
      if (length !== null && length !== Number(value)) return `has two content-lengths: ${length} and ${value}`;
      length = Number(value);
    } else if (name === "transfer-encoding") {
      if (isChunked || value.toLowerCase() !== "chunked") return `has transfer-encoding ${quote(value)}`;
      isChunked = true;
    } else if (name === "connection") {
      const options = value
        .toLowerCase()
        .split(",")
        .map((option) => option.trim());
      if (options.includes("close")) keepsAlive = false;
      else if (options.includes("keep-alive")) keepsAlive = true;
    }
  }
  if (isChunked && length !== null) return "has both content-length and transfer-encoding";
  const headerComplaint = complainAboutHeaders(values, checks);
  const hasNoBody = isHeadRequest || status < 200 || status === 204 || status === 304;
  if (hasNoBody || length === 0) return { status, framing: NO_BODY, length: 0, keepsAlive, headerComplaint };
  if (isChunked) return { status, framing: CHUNKED, length: 0, keepsAlive, headerComplaint };
  if (length !== null) return { status, framing: BY_LENGTH, length, keepsAlive, headerComplaint };
  return { status, framing: BY_CLOSE, length: 0, keepsAlive: false, headerComplaint };
}

/** By hand: an expression that trims both ends tries every pair of them on a line of blanks, which a hostile server can send. */
function withoutBlanks(line: string, from: number): string {
  let to = line.length;
  while (from < to && isBlank(line.charCodeAt(from))) from++;
  while (to > from && isBlank(line.charCodeAt(to - 1))) to--;
  return line.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

function complainAboutHeaders(values: readonly (readonly [string, string])[], checks: readonly HeaderCheck[]): string | null {
  for (const { name, value } of checks) {
    const found = values.filter(([other]) => other === name.toLowerCase()).map(([, text]) => text);
    if (found.length === 0) return `there is no header ${name}`;
    if (!found.includes(value)) return `header ${name} is ${quote(found.join(", "))}, not ${quote(value)}`;
  }
  return null;
}

const QUOTE_MAX = 80;

export function quote(text: string): string {
  return JSON.stringify(text.length > QUOTE_MAX ? `${text.slice(0, QUOTE_MAX)}…` : text);
}
