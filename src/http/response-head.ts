/**
 * Response heads: status line, checked header lines, date. Header lines come
 * from hostile functions, so nothing reaches a socket that could end the head
 * early or change the framing; lines that belong to the connection (RFC 9110
 * section 7.6.1) are dropped, because a function that passes on a fetched
 * response carries them along in good faith.
 */
import { reasonPhrase } from "./reason-phrases.ts";

/** The part of a head that depends on the function alone. */
export interface ResponsePrefix {
  /** Status line and header lines, each ended by CRLF. */
  readonly text: string;
  /** False when a value holds bytes above 0x7f: such a head can't be written as UTF-8. */
  readonly ascii: boolean;
  /** RFC 9110 section 6.4.1: 204 and 304 have no content and no length. */
  readonly bodyless: boolean;
  /** A content-length line that was dropped: what HEAD reports when the function made no body. */
  readonly lengthHint: number | null;
}

// RFC 9110 section 5: token ":" OWS field-value, no control characters but tab.
const HEADER_LINES = /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)*$/;
const OWNED_LINES =
  /(?<=^|\n)(?:connection|transfer-encoding|content-length|keep-alive|upgrade|trailer|te|proxy-connection|date):[^\n]*\n/gi;
const LENGTH_LINE = /(?:^|\n)content-length:[ \t]*(\d{1,15})[ \t]*\r/i;

/** More than any client takes (curl 300 KiB, browsers 256); the check below is not made for megabytes. */
const HEADER_LINES_MAX_LENGTH = 256 * 1024;
const CACHE_MAX_ENTRIES = 1024;
/** Longer lines (cookies, policies) are mostly unique: caching them would only push out the rest. */
const CACHED_LINES_MAX_LENGTH = 1024;

const cache: (Map<string, ResponsePrefix> | undefined)[] = [];
let cachedCount = 0;

let lastStatus = 0;
let lastLines = "";
let lastPrefix: ResponsePrefix | null = null;

/** Null when the status or a line is invalid: the answer must become a 500. */
export function responsePrefix(status: number, headerLines: string): ResponsePrefix | null {
  if (status === lastStatus && headerLines === lastLines) return lastPrefix;
  const prefix = cache[status]?.get(headerLines) ?? makePrefix(status, headerLines);
  if (prefix !== null && headerLines.length <= CACHED_LINES_MAX_LENGTH) {
    lastStatus = status;
    lastLines = headerLines;
    lastPrefix = prefix;
  }
  return prefix;
}

function makePrefix(status: number, headerLines: string): ResponsePrefix | null {
  if (!Number.isInteger(status) || status < 200 || status > 599) return null;
  if (headerLines.length > HEADER_LINES_MAX_LENGTH || !HEADER_LINES.test(headerLines)) return null;
  const hint = LENGTH_LINE.exec(headerLines);
  const text = `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n${headerLines.replace(OWNED_LINES, "")}`;
  const prefix = {
    text,
    ascii: Buffer.byteLength(text) === text.length,
    bodyless: status === 204 || status === 304,
    lengthHint: hint === null ? null : Number(hint[1]),
  };
  if (headerLines.length <= CACHED_LINES_MAX_LENGTH) remember(status, headerLines, prefix);
  return prefix;
}

function remember(status: number, headerLines: string, prefix: ResponsePrefix): void {
  if (cachedCount >= CACHE_MAX_ENTRIES) {
    // A function with ever new lines: starting over is cheaper than keeping order.
    cache.length = 0;
    cachedCount = 0;
  }
  let ofStatus = cache[status];
  if (ofStatus === undefined) {
    ofStatus = new Map();
    cache[status] = ofStatus;
  }
  ofStatus.set(headerLines, prefix);
  cachedCount++;
}

let currentDateLine = "";

function forgetDate(): void {
  currentDateLine = "";
}

/** "date: …\r\n", made at most once a second, and not at all while nobody asks. */
export function dateLine(): string {
  if (currentDateLine === "") {
    const nowMs = Date.now();
    currentDateLine = `date: ${new Date(nowMs).toUTCString()}\r\n`;
    setTimeout(forgetDate, 1000 - (nowMs % 1000)).unref();
  }
  return currentDateLine;
}
