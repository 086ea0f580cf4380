/**
 * CORS for --cors: any origin, any of the usual methods, no credentials (the
 * fetch standard forbids them with "*"). Pure: says which lines to send; who
 * answers is decided further up.
 */
import type { Exchange } from "./exchange.ts";

/** For every actual answer. The star exposes all headers to scripts that send no credentials. */
export const CORS_ANSWER_LINES = "access-control-allow-origin: *\r\naccess-control-expose-headers: *\r\n";

const ALLOW_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
const DEFAULT_ALLOW_HEADERS = "content-type, authorization";
const MAX_AGE_S = 600;
const REQUESTED_HEADERS_MAX_LENGTH = 2048;
const HEADER_NAMES = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:[ \t]*,[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+)*$/;

/** Header lines of the 204 that answers a preflight; null when this is an ordinary request. */
export function preflightLines(request: Pick<Exchange, "method" | "header">): string | null {
  if (request.method !== "OPTIONS") return null;
  if (request.header("origin") === undefined || request.header("access-control-request-method") === undefined) return null;
  return (
    `access-control-allow-origin: *\r\naccess-control-allow-methods: ${ALLOW_METHODS}\r\n` +
    `access-control-allow-headers: ${allowedHeaders(request.header("access-control-request-headers"))}\r\n` +
    `access-control-max-age: ${MAX_AGE_S}\r\n` +
    "vary: origin, access-control-request-method, access-control-request-headers\r\n"
  );
}

/** Echoed, because "*" would leave out Authorization; only what is a list of names. */
function allowedHeaders(requested: string | undefined): string {
  if (requested === undefined || requested.length > REQUESTED_HEADERS_MAX_LENGTH || !HEADER_NAMES.test(requested)) {
    return DEFAULT_ALLOW_HEADERS;
  }
  return requested;
}
