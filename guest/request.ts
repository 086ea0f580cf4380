/**
 * Request of the Fetch standard, section 5.4. One that came in over HTTP is
 * made by `incomingRequest` from the raw strings the host hands over, and builds
 * url and headers only when they are asked for: a handler that answers a
 * constant pays for neither.
 */
import { AbortController, type AbortSignal } from "./abort.ts";
import { Body, type BodyInit, type BodySource, extractBody } from "./body.ts";
import { Headers, type HeadersInit, RAW } from "./headers.ts";
import { URL } from "./url.ts";

export interface RequestInit {
  method?: string;
  headers?: HeadersInit;
  body?: BodyInit;
  signal?: AbortSignal | null;
  redirect?: "follow" | "error" | "manual";
  duplex?: "half";
  [other: string]: unknown;
}

const NORMALIZED_METHODS = new Set(["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"]);
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
  #redirect: "follow" | "error" | "manual" = "follow";
  /** Only of incoming requests: "/path?query" and the header lines as sent. */
  readonly #target: string;
  readonly #block: string;
  readonly #callId: number;

  constructor(input: Request | URL | string, init: RequestInit = {}) {
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
    const hasBody = init.body !== undefined && init.body !== null;
    const method = normalizedMethod(init.method ?? from?.method ?? "GET");
    if (hasBody && (method === "GET" || method === "HEAD")) throw new TypeError(`Request: a ${method} request can't have a body`);
    const extracted = hasBody ? extractBody(init.body) : null;
    super(extracted !== null ? extracted.source : from !== null ? from.take() : null);
    this.method = method;
    this.#target = "";
    this.#block = "";
    this.#callId = 0;
    this.#url = from !== null ? from.url : new URL(String(input)).href;
    this.#headers = new Headers(init.headers ?? from?.headers);
    if (extracted?.contentType != null && !this.#headers.has("content-type")) this.#headers.set("content-type", extracted.contentType);
    this.#signal = init.signal === undefined ? (from?.signal ?? null) : init.signal;
    this.#redirect = init.redirect ?? from?.redirect ?? "follow";
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
      if (this.#callId !== 0) {
        controllers.set(this.#callId, controller);
        if (controllers.size > CONTROLLERS_MAX) controllers.delete(controllers.keys().next().value as number);
      }
    }
    return this.#signal;
  }
  get redirect(): "follow" | "error" | "manual" {
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

/**
 * Controllers of incoming requests whose signal somebody asked for, so that a
 * client that goes away can be told. Bounded: the oldest belong to calls long answered.
 */
const controllers = new Map<number, AbortController>();
const CONTROLLERS_MAX = 10_000;

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

function normalizedMethod(method: string): string {
  const text = String(method);
  if (!TOKEN.test(text)) throw new TypeError(`Request: ${JSON.stringify(text)} is not a valid method`);
  const upper = text.toUpperCase();
  if (FORBIDDEN_METHODS.has(upper)) throw new TypeError(`Request: the method ${upper} is not allowed`);
  return NORMALIZED_METHODS.has(upper) ? upper : text;
}
