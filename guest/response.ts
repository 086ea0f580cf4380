/**
 * Response of the Fetch standard, section 5.5, with zigttp's additions
 * (`Response.text`, `Response.html`, and callable without `new`). The common
 * answer, a status and a text with one content type, keeps its header lines as
 * a ready string; a Headers object is made only for those who ask.
 */
import { Body, type BodyInit, type BodySource, extractBody } from "./body.ts";
import { Headers, type HeadersInit, RAW } from "./headers.ts";
import { URL } from "./url.ts";

export interface ResponseInit {
  status?: number;
  statusText?: string;
  headers?: HeadersInit;
}

const NULL_BODY_STATUS = new Set([101, 103, 204, 205, 304]);
const REDIRECT_STATUS = new Set([301, 302, 303, 307, 308]);
const ABSOLUTE = /^[a-z][a-z0-9+.-]*:/i;
/** Runs of characters that no address may hold as they are; whole runs, so that surrogate pairs stay together. */
const NOT_IN_URLS = /[^\x21-\x7e]+/g;
const REASON_PHRASE = /^[\t\x20-\x7e\x80-\xff]*$/;

const JSON_LINES = "content-type: application/json\r\n";
export const TEXT_LINES = "content-type: text/plain; charset=utf-8\r\n";
const HTML_LINES = "content-type: text/html; charset=utf-8\r\n";

/** First constructor argument of an answer whose parts are known to be right. Not reachable from a guest. */
const READY = Symbol("ready response");

interface ReadyParts {
  readonly status: number;
  readonly lines: string;
  readonly source: BodySource;
}

/** What fetch was told about its answer. */
export interface NetworkHead {
  readonly status: number;
  readonly statusText: string;
  readonly headers: [string, string][];
  readonly url: string;
  readonly redirected: boolean;
}

/** The answer of another server. Not reachable from a guest. */
export let networkResponse: (head: NetworkHead, source: BodySource) => Response;

class ResponseClass extends Body {
  readonly status: number;
  statusText: string;
  readonly #lines: string;
  #headers: Headers | null;
  #url = "";
  #redirected = false;
  #type = "default";

  static {
    networkResponse = ({ status, statusText, headers, url, redirected }, source) => {
      // Whatever a server said is told as it is, also a status no answer of ours may have.
      const response = ready(status, "", source);
      response.#headers = new Headers(headers);
      response.#tellOf(statusText, url, redirected, "basic");
      return response;
    };
  }

  constructor(body?: BodyInit, init: ResponseInit = {}) {
    if ((body as unknown) === READY) {
      const { status, lines, source } = init as unknown as ReadyParts;
      super(source);
      this.status = status;
      this.statusText = "";
      this.#lines = lines;
      this.#headers = null;
      return;
    }
    const status = checkedStatus(init?.status);
    const extracted = extractBody(body);
    if (extracted.source !== null && NULL_BODY_STATUS.has(status)) {
      throw new TypeError(`Response: an answer with status ${status} can't have a body`);
    }
    super(extracted.source);
    this.status = status;
    this.statusText = checkedStatusText(init?.statusText);
    this.#lines = "";
    this.#headers = new Headers(init?.headers);
    if (extracted.contentType !== null && !this.#headers.has("content-type")) this.#headers.set("content-type", extracted.contentType);
  }

  get ok(): boolean {
    return this.status >= 200 && this.status <= 299;
  }
  get headers(): Headers {
    this.#headers ??= new Headers({ [RAW]: this.#lines });
    return this.#headers;
  }
  get url(): string {
    return this.#url;
  }
  get redirected(): boolean {
    return this.#redirected;
  }
  get type(): string {
    return this.#type;
  }

  clone(): ResponseClass {
    const copy = ready(this.status, this.headerLines(), this.cloneSource());
    copy.#tellOf(this.statusText, this.#url, this.#redirected, this.#type);
    return copy;
  }

  #tellOf(statusText: string, url: string, redirected: boolean, type: string): void {
    this.statusText = statusText;
    this.#url = url;
    this.#redirected = redirected;
    this.#type = type;
  }

  /** "name: value\r\n" lines for the host. */
  headerLines(): string {
    return this.#headers === null ? this.#lines : this.#headers[RAW]();
  }

  get [Symbol.toStringTag](): string {
    return "Response";
  }

  protected contentTypeOfBody(): string {
    return this.headers.get("content-type") ?? "";
  }

  static json(data: unknown, init?: ResponseInit): ResponseClass {
    const text = JSON.stringify(data);
    if (text === undefined) throw new TypeError("Response.json: the value has no JSON form");
    return typed(text, init, JSON_LINES);
  }

  static text(text: unknown, init?: ResponseInit): ResponseClass {
    return typed(String(text), init, TEXT_LINES);
  }

  static html(markup: unknown, init?: ResponseInit): ResponseClass {
    return typed(String(markup), init, HTML_LINES);
  }

  /** zigttp's: the text is already JSON. */
  static rawJson(text: unknown, init?: ResponseInit): ResponseClass {
    return typed(String(text), init, JSON_LINES);
  }

  /** A relative location is kept as it is (RFC 9110 section 10.2.2 allows it): a function has no base address. */
  static redirect(url: string | URL, status: number = 302): ResponseClass {
    const code = Number(status);
    if (!REDIRECT_STATUS.has(code)) throw new RangeError(`Response.redirect: ${status} is not a redirect status`);
    const address = String(url).toWellFormed();
    const location = ABSOLUTE.test(address) ? new URL(address).href : address.replace(NOT_IN_URLS, encodeURIComponent);
    return ready(code, `location: ${location}\r\n`, null);
  }

  static error(): ResponseClass {
    const response = ready(0 as number, "", null);
    response.#type = "error";
    return response;
  }
}

/** Callable without `new`, as zigttp's is, and still a constructor that classes may extend. */
function ResponseFunction(this: unknown, body?: BodyInit, init?: ResponseInit): ResponseClass {
  if (new.target === undefined || new.target === (ResponseFunction as unknown)) return new ResponseClass(body, init);
  return Reflect.construct(ResponseClass, [body, init], new.target);
}
Object.defineProperty(ResponseFunction, "name", { value: "Response" });
Object.defineProperty(ResponseFunction, "prototype", { value: ResponseClass.prototype, writable: false });
Object.defineProperty(ResponseClass.prototype, "constructor", { value: ResponseFunction, writable: true, configurable: true });
for (const name of ["json", "text", "html", "rawJson", "redirect", "error"] as const) {
  Object.defineProperty(ResponseFunction, name, { value: ResponseClass[name], writable: true, configurable: true });
}

export type Response = ResponseClass;
export const Response = ResponseFunction as unknown as typeof ResponseClass & ((body?: BodyInit, init?: ResponseInit) => ResponseClass);

function ready(status: number, lines: string, source: BodySource): ResponseClass {
  return new ResponseClass(READY as unknown as string, { status, lines, source } as unknown as ResponseInit);
}

/** An answer of known content type; `init.headers` may still replace it. */
export function typed(text: string, init: ResponseInit | undefined, lines: string): ResponseClass {
  if (init === undefined || init === null) return ready(200, lines, text);
  const status = checkedStatus(init.status);
  if (NULL_BODY_STATUS.has(status)) throw new TypeError(`Response: an answer with status ${status} can't have a body`);
  if (init.headers === undefined && init.statusText === undefined) return ready(status, lines, text);
  const headers = new Headers(init.headers);
  if (!headers.has("content-type")) headers.set("content-type", lines.slice("content-type: ".length, -2));
  // Not spread: `init` may be another Response, whose fields are getters.
  return new ResponseClass(text, { status, headers, ...(init.statusText === undefined ? {} : { statusText: init.statusText }) });
}

function checkedStatus(status: unknown): number {
  if (status === undefined) return 200;
  const code = Number(status);
  if (!Number.isInteger(code) || code < 200 || code > 599) {
    throw new RangeError(`Response: the status must be a whole number from 200 to 599, not ${String(status)}`);
  }
  return code;
}

function checkedStatusText(text: unknown): string {
  const phrase = text === undefined ? "" : String(text);
  if (!REASON_PHRASE.test(phrase)) throw new TypeError("Response: the status text holds a control character");
  return phrase;
}
