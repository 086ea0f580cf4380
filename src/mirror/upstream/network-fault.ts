/**
 * Network faults as upstream failures: what undici, the resolver, TLS and
 * sockets throw, in words for people. Codes are told, never messages: those name
 * addresses of this machine and of redirects. What isn't known by its code
 * keeps it, so that it can be looked up.
 */
import type { UpstreamFailure } from "../failures.ts";
import { AddressRefused } from "./reach.ts";
import { TrustError } from "./trust.ts";

/** Of which request a fault is. */
export interface Spot {
  /** As failures may show it. */
  readonly url: string;
  /** Host that was connected to. */
  readonly host: string;
  /** Host of the proxy that was used, null for none. */
  readonly proxyHost: string | null;
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  readonly headMaxBytes: number;
}

/** The code of what can't be parsed. */
export const PARSER_FAULT = "HTTP_PARSER";

const SELF_SIGNED = "certificate not trusted: self-signed; give --ca-file";
const UNKNOWN_ISSUER = "certificate not trusted: unknown issuer; give --ca-file";

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EPIPE: "connection reset",
  ECONNABORTED: "connection reset",
  UND_ERR_SOCKET: "the connection was closed before an answer",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to its network",
  EHOSTDOWN: "the host is down",
  EADDRNOTAVAIL: "no local address or port is left for a connection",
  EMFILE: "too many open files in this process",
  EACCES: "this system forbids the connection",
  EPERM: "this system forbids the connection",
  DEPTH_ZERO_SELF_SIGNED_CERT: SELF_SIGNED,
  SELF_SIGNED_CERT_IN_CHAIN: SELF_SIGNED,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_ISSUER,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_ISSUER,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_ISSUER,
  CERT_UNTRUSTED: UNKNOWN_ISSUER,
  CERT_HAS_EXPIRED: "certificate not trusted: it has expired",
  CERT_NOT_YET_VALID: "certificate not trusted: it is not valid yet; check the clock",
  CERT_REVOKED: "certificate not trusted: it was revoked",
  CERT_SIGNATURE_FAILURE: "certificate not trusted: its signature is wrong",
  ERR_TLS_CERT_ALTNAME_INVALID: "certificate not trusted: it is for another host",
  EPROTO: "TLS failed: is https right for this port?",
  UND_ERR_PRX_TLS: "the TLS connection to the proxy failed",
  UND_ERR_PRX_CONN: "the proxy closed the connection",
};

/** What was met before the head of an answer was complete. */
export function headFailure(error: unknown, spot: Spot): UpstreamFailure {
  const { url } = spot;
  for (const cause of causesOf(error)) {
    if (cause instanceof AddressRefused) return { code: "UPSTREAM_REDIRECTS", url, reason: cause.message };
    if (cause instanceof TrustError) return unreachable(spot, cause.message);
    const code = codeOf(cause);
    if (code === "UND_ERR_CONNECT_TIMEOUT" || code === "ETIMEDOUT") {
      return { code: "UPSTREAM_TIMEOUT", url, timeoutMs: spot.connectTimeoutMs };
    }
    if (code === "UND_ERR_HEADERS_TIMEOUT") return { code: "UPSTREAM_TIMEOUT", url, timeoutMs: spot.readTimeoutMs };
    if (code === "UND_ERR_HEADERS_OVERFLOW") {
      return { code: "UPSTREAM_MALFORMED", url, reason: `its headers are larger than ${spot.headMaxBytes} bytes` };
    }
    if (code === "ENOTFOUND" || code === "EAI_AGAIN" || code === "EAI_NODATA") {
      const fault = code === "EAI_AGAIN" ? "no answer from the name server for" : "no such host";
      return unreachable(spot, `${fault} ${spot.proxyHost ?? spot.host}`);
    }
    const proxyStatus = /^Proxy (?:response|Authentication Required) \((\d{3})\)/.exec(cause.message)?.[1];
    if (spot.proxyHost !== null && proxyStatus !== undefined) return unreachable(spot, `the proxy answered ${proxyStatus}`);
    const reason = REASONS[code];
    if (reason !== undefined) return unreachable(spot, reason);
    if (code === PARSER_FAULT) return { code: "UPSTREAM_MALFORMED", url, reason: "what it answers is no HTTP/1.1" };
    if (code.startsWith("ERR_SSL_")) return unreachable(spot, `${REASONS["EPROTO"]} (${code})`);
  }
  return unreachable(spot, `the connection failed (${[...causesOf(error)].map(codeOf).find((code) => code !== "") ?? "unknown"})`);
}

/** What broke off the body of an answer. */
export function bodyFailure(error: unknown, spot: Spot, gotBytes: number, wantedBytes: number | null): UpstreamFailure {
  for (const cause of causesOf(error)) {
    if (codeOf(cause) === "UND_ERR_BODY_TIMEOUT") return { code: "UPSTREAM_TIMEOUT", url: spot.url, timeoutMs: spot.readTimeoutMs };
  }
  return { code: "UPSTREAM_TRUNCATED", url: spot.url, gotBytes, wantedBytes };
}

function unreachable(spot: Spot, reason: string): UpstreamFailure {
  const way = spot.proxyHost === null ? "" : ` (by way of the proxy ${spot.proxyHost})`;
  return { code: "UPSTREAM_UNREACHABLE", url: spot.url, reason: `${reason}${way}` };
}

/** An error, its causes and those it gathers (one per address that was tried). */
function* causesOf(error: unknown): Generator<Error> {
  const found = [error];
  for (let at = 0; at < found.length && at < 16; at++) {
    const cause = found[at];
    if (!(cause instanceof Error)) continue;
    yield cause;
    if (cause.cause !== undefined) found.push(cause.cause);
    if (cause instanceof AggregateError) found.push(...cause.errors);
  }
}

function codeOf(error: Error): string {
  const { code } = error as { code?: unknown };
  // undici's parser means to give a code, and gives none.
  if (error.name === "HTTPParserError") return PARSER_FAULT;
  return typeof code === "string" ? code : "";
}
