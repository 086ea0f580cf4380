/**
 * Request heads: a whole head in, what the connection must know out. llhttp
 * checks the grammar in one run; this file adds what a server owes and llhttp
 * leaves to its user (RFC 9112 sections 3.2, 6.1 and 6.3): Host, versions,
 * target forms, transfer codings, Expect. Whatever could make us and a proxy in
 * front of us disagree about where a message ends is refused, not repaired.
 */
import type { HttpLimits } from "../config/config.ts";
import { allocateParser, errorReason, INVALID_METHOD, instantiateLlhttp, type Llhttp, PAUSED_UPGRADE } from "./llhttp.ts";
import { malformed, type Refusal, refusal } from "./refusal.ts";
import { isValidHost, parseTarget } from "./request-target.ts";

export interface RequestHead {
  readonly kind: "head";
  /** All of it, with the empty line: the same text is the same request. */
  readonly text: string;
  readonly method: string;
  readonly target: string;
  readonly headerBlock: string;
  readonly host: string;
  readonly keepAlive: boolean;
  readonly minorVersion: 0 | 1;
  /** Declared length; 0 when there is no body; null when chunked. */
  readonly contentLength: number | null;
  readonly expectsContinue: boolean;
  /** A line is there that may ask for an answer later: Prefer (RFC 7240) or X-Gojinn-Async. */
  readonly hasPreference: boolean;
}

/** Space for a request line beside its target. */
const REQUEST_LINE_SPARE_BYTES = 64;

export function headMaxBytes(limits: HttpLimits): number {
  return limits.headerMaxBytes + limits.targetMaxBytes + REQUEST_LINE_SPARE_BYTES;
}

const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([^ ]+) HTTP\/(\d)\.(\d)$/;
const CODING_LIST = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:[ \t]*,[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+)*$/;

/** The headers that matter here, by slot. */
const HOST = 0;
const CONTENT_LENGTH = 1;
const TRANSFER_ENCODING = 2;
const EXPECT = 3;
const UPGRADE = 4;
const SLOT_NAMES = ["host", "content-length", "transfer-encoding", "expect", "upgrade"];
const NO_SLOT = -1;

/** One per listener. Heads are parsed whole and one after the other, so one parser serves every connection. */
export class HeadParser {
  readonly #limits: HttpLimits;
  readonly #llhttp: Llhttp;
  readonly #parser: number;
  readonly #input: number;
  readonly #memory: Uint8Array;

  // Scratch of the current run: how often each header came, and where its value lies.
  readonly #counts = new Int32Array(SLOT_NAMES.length);
  readonly #starts = new Int32Array(SLOT_NAMES.length);
  readonly #ends = new Int32Array(SLOT_NAMES.length);
  #slot = NO_SLOT;
  #hasPreference = false;
  #text = "";
  /** The last Host that passed: most clients name one, and comparing is cheaper than checking. */
  #validHost: string | null = null;
  #complete = false;
  #keepAlive = false;
  #upgrade = false;

  constructor(limits: HttpLimits) {
    this.#limits = limits;
    this.#llhttp = instantiateLlhttp({
      onHeaderField: (_parser, address, length) => this.#onField(address - this.#input, length),
      onHeaderValue: (_parser, address, length) => this.#onValue(address - this.#input, length),
      onHeadersComplete: (_parser, _statusCode, upgrade, keepAlive) => {
        this.#complete = true;
        this.#upgrade = upgrade !== 0;
        this.#keepAlive = keepAlive !== 0;
        return 0;
      },
    });
    this.#parser = allocateParser(this.#llhttp);
    const capacity = headMaxBytes(limits);
    this.#input = this.#llhttp.malloc(capacity);
    // Nothing is allocated in this instance again, so its memory never moves.
    this.#memory = new Uint8Array(this.#llhttp.memory.buffer, this.#input, capacity);
  }

  /** `text` is the head up to and with its empty line; `bytes` are the same, at most headMaxBytes long. */
  parse(text: string, bytes: Uint8Array): RequestHead | Refusal {
    const lineEnd = text.indexOf("\r\n");
    const methodEnd = text.indexOf(" ");
    const targetEnd = text.indexOf(" ", methodEnd + 1);
    if (targetEnd - methodEnd - 1 > this.#limits.targetMaxBytes) return targetTooLong(this.#limits);
    if (text.length - lineEnd - 4 > this.#limits.headerMaxBytes) return headersTooLarge(this.#limits);
    // A method of thousands of letters.
    if (bytes.length > this.#memory.length) return headersTooLarge(this.#limits);

    this.#text = text;
    this.#counts.fill(0);
    this.#complete = false;
    this.#hasPreference = false;
    this.#memory.set(bytes);
    this.#llhttp.llhttp_reset(this.#parser);
    const errno = this.#llhttp.llhttp_execute(this.#parser, this.#input, bytes.length);
    if ((errno !== 0 && errno !== PAUSED_UPGRADE) || !this.#complete) return this.#explain(errno, text.slice(0, lineEnd));

    const method = internMethod(text, methodEnd);
    if (method === "CONNECT" || method === "TRACE") return methodNotSupported(method);
    const minorVersion = text.charCodeAt(lineEnd - 1) - 0x30;
    if (text.charCodeAt(lineEnd - 3) !== 0x31 || (minorVersion !== 0 && minorVersion !== 1)) return versionNotSupported();

    const target = parseTarget(method, text.slice(methodEnd + 1, targetEnd));
    if (target === null) return malformed(`Malformed request target for ${method}: send a path ("/a?b=c")`);
    const host = this.#host(minorVersion, target.authority);
    if (typeof host !== "string") return host;
    const contentLength = this.#contentLength(minorVersion);
    if (contentLength !== null && typeof contentLength === "object") return contentLength;

    const expects = this.#counts[EXPECT] !== 0;
    if (expects && this.#value(EXPECT).toLowerCase() !== "100-continue") {
      return refusal(417, "EXPECTATION_FAILED", 'Only "Expect: 100-continue" can be met here');
    }
    if (this.#upgrade && /(?:^|[, \t])websocket/i.test(this.#value(UPGRADE))) {
      return refusal(501, "UPGRADE_NOT_SUPPORTED", "WebSocket connections are not served here: use requests or server-sent events");
    }
    return {
      kind: "head",
      text,
      method,
      target: target.target,
      headerBlock:
        target.authority === null ? text.slice(lineEnd + 2, text.length - 2) : this.#blockWithHost(lineEnd + 2, target.authority),
      host,
      keepAlive: this.#keepAlive,
      minorVersion,
      contentLength,
      // RFC 9110 section 10.1.1: an HTTP/1.0 client can't wait for an interim answer.
      expectsContinue: expects && minorVersion === 1 && contentLength !== 0,
      hasPreference: this.#hasPreference,
    };
  }

  #host(minorVersion: number, authority: string | null): string | Refusal {
    const count = this.#counts[HOST];
    if (count === 0 && minorVersion === 1) return malformed("Missing Host header: HTTP/1.1 requires one");
    if ((count as number) > 1) return malformed("More than one Host header");
    const host = count === 0 ? "" : this.#value(HOST);
    if (count === 1 && host !== this.#validHost && !isValidHost(host))
      return malformed("Invalid Host header: send a host name and an optional port");
    if (count === 1) this.#validHost = host;
    return authority ?? host;
  }

  /** RFC 9112 section 3.2.2: the host of an absolute-form target stands in for the one sent, for whoever reads the lines too. */
  #blockWithHost(start: number, authority: string): string {
    const end = this.#text.length - 2;
    if (this.#counts[HOST] === 0) return `Host: ${authority}\r\n${this.#text.slice(start, end)}`;
    return this.#text.slice(start, this.#starts[HOST]) + authority + this.#text.slice(this.#ends[HOST], end);
  }

  #contentLength(minorVersion: number): number | null | Refusal {
    if (this.#counts[TRANSFER_ENCODING] === 0) {
      if (this.#counts[CONTENT_LENGTH] === 0) return 0;
      const value = this.#value(CONTENT_LENGTH);
      if (!/^\d+$/.test(value)) return malformed("Malformed Content-Length");
      const length = Number(value);
      return length > this.#limits.bodyMaxBytes ? bodyTooLarge(this.#limits) : length;
    }
    if (minorVersion === 0) return malformed("Transfer-Encoding in an HTTP/1.0 request");
    if (this.#counts[CONTENT_LENGTH] !== 0) return malformed("Both Content-Length and Transfer-Encoding: send one");
    if (this.#counts[TRANSFER_ENCODING] !== 1) return malformed("More than one Transfer-Encoding header");
    const coding = this.#value(TRANSFER_ENCODING).toLowerCase();
    return coding === "chunked" ? null : badTransferCoding(coding);
  }

  /** Why llhttp stopped, in the most telling status. */
  #explain(errno: number, requestLine: string): Refusal {
    const parts = REQUEST_LINE.exec(requestLine);
    if (parts !== null) {
      if (parts[3] !== "1" || (parts[4] !== "0" && parts[4] !== "1")) return versionNotSupported();
      if (errno === INVALID_METHOD) return methodNotSupported(parts[1] as string);
    }
    if (this.#counts[TRANSFER_ENCODING] === 1 && this.#counts[CONTENT_LENGTH] === 0) {
      const coding = this.#value(TRANSFER_ENCODING).toLowerCase();
      if (coding !== "" && coding !== "chunked") return badTransferCoding(coding);
    }
    return malformed(`Malformed request: ${errorReason(this.#llhttp, this.#parser)}`);
  }

  #value(slot: number): string {
    return this.#text.slice(this.#starts[slot] as number, this.#ends[slot] as number).trimEnd();
  }

  // Hot while heads differ: decides by length first, so that most headers cost one comparison.
  #onField(offset: number, length: number): number {
    let slot = NO_SLOT;
    if (length === 4) slot = HOST;
    else if (length === 6) slot = EXPECT;
    else if (length === 7) slot = UPGRADE;
    else if (length === 14) slot = CONTENT_LENGTH;
    else if (length === 17) slot = TRANSFER_ENCODING;
    if (slot !== NO_SLOT && !isName(this.#text, offset, SLOT_NAMES[slot] as string)) {
      // Of the same lengths as two of the names above, so that only headers of these lengths are compared with them.
      if (length === 6) this.#hasPreference ||= isName(this.#text, offset, "prefer");
      else if (length === 14) this.#hasPreference ||= isName(this.#text, offset, "x-gojinn-async");
      slot = NO_SLOT;
    }
    this.#slot = slot;
    if (slot !== NO_SLOT) {
      (this.#counts[slot] as number)++;
      this.#starts[slot] = 0;
      this.#ends[slot] = 0;
    }
    return 0;
  }

  #onValue(offset: number, length: number): number {
    const slot = this.#slot;
    if (slot === NO_SLOT) return 0;
    if (this.#ends[slot] === 0) this.#starts[slot] = offset;
    this.#ends[slot] = offset + length;
    return 0;
  }
}

/** `name` is lower case; llhttp has seen to it that only token characters stand here. */
function isName(text: string, offset: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    if ((text.charCodeAt(offset + i) | 0x20) !== name.charCodeAt(i)) return false;
  }
  return true;
}

/** The usual methods as constants, so that comparing them further up compares pointers. */
function internMethod(text: string, end: number): string {
  if (end === 3 && text.startsWith("GET")) return "GET";
  if (end === 4 && text.startsWith("POST")) return "POST";
  return text.slice(0, end);
}

export function targetTooLong(limits: HttpLimits): Refusal {
  return refusal(414, "TARGET_TOO_LONG", `The request target is longer than ${limits.targetMaxBytes} bytes`);
}

export function headersTooLarge(limits: HttpLimits): Refusal {
  return refusal(431, "HEADERS_TOO_LARGE", `The request headers are larger than ${limits.headerMaxBytes} bytes`);
}

export function bodyTooLarge(limits: HttpLimits): Refusal {
  return refusal(413, "BODY_TOO_LARGE", `The request body is larger than ${limits.bodyMaxBytes} bytes`);
}

function versionNotSupported(): Refusal {
  return refusal(505, "HTTP_VERSION_NOT_SUPPORTED", "Only HTTP/1.1 and HTTP/1.0 are spoken here");
}

function methodNotSupported(method: string): Refusal {
  return refusal(501, "METHOD_NOT_SUPPORTED", `The method ${method.slice(0, 32)} is not served here`);
}

/** Only chunked is understood: a list of known-looking codings is 501, anything else is a smuggling shape. */
function badTransferCoding(coding: string): Refusal {
  const isList = CODING_LIST.test(coding);
  const others = coding.split(",").some((part) => part.trim() !== "chunked");
  if (isList && others) return refusal(501, "TRANSFER_CODING_NOT_SUPPORTED", 'Only "Transfer-Encoding: chunked" is understood');
  return malformed('Malformed Transfer-Encoding: send exactly "chunked"');
}
