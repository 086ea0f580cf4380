/**
 * Request of the Fetch standard, section 5.4. One that came in over HTTP is
 * made by `incomingRequest` from the raw strings the host hands over, and builds
 * url and headers only when they are asked for: a handler that answers a
 * constant pays for neither.
 */
import { AbortController, AbortSignal } from "./abort.ts";
import { Body, type BodyInit, type BodySource, extractBody } from "./body.ts";
import { Headers, type HeadersInit, RAW } from "./headers.ts";
import { URL } from "./url.ts";

export interface RequestInit {
  method?: string;
  headers?: HeadersInit;
  body?: BodyInit;
  signal?: AbortSignal | null;
  redirect?: Redirect;
  duplex?: "half";
  [other: string]: unknown;
}

type Redirect = "follow" | "error" | "manual";

/** The strings a request came as, for handler forms that read no Request. */
export interface RawRequest {
  readonly target: string;
  readonly block: string;
}

/** Of an incoming request; no guest can reach these. */
export let rawOf: (request: Request) => RawRequest;
/** The call is over: nobody is told any more that its client went away. */
export let endRequest: (request: Request) => void;

const NORMALIZED_METHODS = new Set(["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"]);
const REDIRECTS: ReadonlySet<unknown> = new Set<Redirect>(["follow", "error", "manual"]);
const FORBIDDEN_METHODS = new Set(["CONNECT", "TRACE", "TRACK"]);
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** First constructor argument of a request that came in over HTTP. Not reachable from a guest. */
const INCOMING = Symbol("incoming request");

/** `http` or `https`, as the listener serves; set once at boot. */
export const origin = { scheme: "http" };

const HOST_LINE = /^host:[ \t]*([^\r\n]*?)[ \t]*$/im;

export class Request extends Body {
  readonly method: string;
  /** Null until asked for: an incoming request composes it from the host header and the target. */
  #url: string | null;
  #headers: Headers | null;
  #signal: AbortSignal | null = null;
  #redirect: Redirect = "follow";
  /** Only of incoming requests: "/path?query" and the header lines as sent. */
  readonly #target: string;
  readonly #block: string;
  /** 0 once the call is over. */
  #callId: number;

  static {
    rawOf = (request) => ({ target: request.#target, block: request.#block });
    endRequest = (request) => {
      if (request.#signal !== null) controllers.delete(request.#callId);
      request.#callId = 0;
    };
  }

  constructor(input: Request | URL | string, init?: RequestInit | null) {
    if ((input as unknown) === INCOMING) {
      const { method, target, block, source, callId } = init as unknown as IncomingParts;
      super(source);
      this.method = method;
      this.#url = null;
      this.#headers = null;
      this.#target = target;
      this.#block = block;
      this.#callId = callId;
      return;
    }
    const from = input instanceof Request ? input : null;
    const { method: asked, headers, body, signal, redirect } = init ?? {};
    const hasBody = body !== undefined && body !== null;
    const method = normalizedMethod(asked ?? from?.method ?? "GET");
    // A GET that came in with a body may be passed on as it is.
    const hasOldBody = asked !== undefined && from !== null && from.source !== null;
    if ((hasBody || hasOldBody) && (method === "GET" || method === "HEAD")) {
      throw new TypeError(`Request: a ${method} request can't have a body`);
    }
    const url = from !== null ? from.url : checkedUrl(input);
    if (signal !== undefined && signal !== null && !(signal instanceof AbortSignal))
      throw new TypeError("Request: the signal is not an AbortSignal");
    if (redirect !== undefined && !REDIRECTS.has(redirect)) throw new TypeError(`Request: ${JSON.stringify(redirect)} is no redirect mode`);
    const extracted = hasBody ? extractBody(body) : null;
    super(extracted !== null ? extracted.source : from !== null ? from.take() : null);
    this.method = method;
    this.#target = "";
    this.#block = "";
    this.#callId = 0;
    this.#url = url;
    this.#headers = new Headers(headers ?? from?.headers);
    if (extracted?.contentType != null && !this.#headers.has("content-type")) this.#headers.set("content-type", extracted.contentType);
    this.#signal = signal === undefined ? (from?.signal ?? null) : signal;
    this.#redirect = redirect ?? from?.redirect ?? "follow";
  }

  get url(): string {
    if (this.#url === null) {
      const host = HOST_LINE.exec(this.#block)?.[1] || "localhost";
      const path = this.#target === "*" ? "/" : this.#target;
      const address = `${origin.scheme}://${host}${path}`;
      // A Host that HTTP allows and URLs don't ("999.1.1.1") is the client's doing, no reason to fail the handler.
      this.#url = (URL.canParse(address) ? new URL(address) : new URL(path, `${origin.scheme}://localhost`)).href;
    }
    return this.#url;
  }
  get headers(): Headers {
    this.#headers ??= new Headers({ [RAW]: this.#block });
    return this.#headers;
  }
  get signal(): AbortSignal {
    if (this.#signal === null) {
      const controller = new AbortController();
      this.#signal = controller.signal;
      if (this.#callId !== 0) controllers.set(this.#callId, controller);
    }
    return this.#signal;
  }
  get redirect(): Redirect {
    return this.#redirect;
  }
  get credentials(): string {
    return "same-origin";
  }
  get mode(): string {
    return "cors";
  }
  get cache(): string {
    return "default";
  }
  get referrer(): string {
    return "about:client";
  }
  get integrity(): string {
    return "";
  }
  get keepalive(): boolean {
    return false;
  }
  get duplex(): "half" {
    return "half";
  }

  clone(): Request {
    const copy = new Request(this.url, { method: this.method, headers: this.headers, signal: this.signal, redirect: this.redirect });
    copy.source = this.cloneSource();
    return copy;
  }

  get [Symbol.toStringTag](): string {
    return "Request";
  }

  protected contentTypeOfBody(): string {
    return this.headers.get("content-type") ?? "";
  }
}

interface IncomingParts {
  readonly method: string;
  readonly target: string;
  readonly block: string;
  readonly source: BodySource;
  readonly callId: number;
}

/** Of the open calls whose signal somebody asked for: fired when the client goes away. */
const controllers = new Map<number, AbortController>();

/** The client of this call went away: its signal fires, if anybody listens. */
export function abortRequest(callId: number): void {
  const controller = controllers.get(callId);
  if (controller === undefined) return;
  controllers.delete(callId);
  controller.abort();
}

/** A request as the host hands it over: raw strings, nothing parsed yet. */
export function incomingRequest(parts: IncomingParts): Request {
  return new Request(INCOMING as unknown as string, parts as unknown as RequestInit);
}

function checkedUrl(input: unknown): string {
  const url = new URL(String(input));
  if (url.username !== "" || url.password !== "")
    throw new TypeError("Request: the address holds a user name or password; send an authorization header");
  return url.href;
}

function normalizedMethod(method: string): string {
  const text = String(method);
  if (!TOKEN.test(text)) throw new TypeError(`Request: ${JSON.stringify(text)} is not a valid method`);
  const upper = text.toUpperCase();
  if (FORBIDDEN_METHODS.has(upper)) throw new TypeError(`Request: the method ${upper} is not allowed`);
  return NORMALIZED_METHODS.has(upper) ? upper : text;
}
