/**
 * Admin guard: who may use the admin API. A bearer token where one is
 * configured (always off loopback). On loopback a browser is the danger: a
 * page from anywhere can send requests to 127.0.0.1, or rebind its own name to
 * it. The first carries an Origin, the second a foreign Host; neither gets in.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { isLoopback } from "../base/loopback.ts";
import type { AdminConfig } from "../config/config.ts";

export interface Refusal {
  readonly status: 401 | 403;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export function createGuard(config: AdminConfig): (headers: IncomingHttpHeaders) => Refusal | null {
  const wantedDigest = config.token === null ? null : digest(config.token);
  return (headers) => {
    if (isLoopback(config.host) && !isOwnName(headers.host, config.host)) {
      return {
        status: 403,
        code: "ADMIN_HOST",
        message: "The Host header names another server",
        hint: `Use http://${config.host === "::1" ? "[::1]" : config.host}:PORT or localhost`,
      };
    }
    if (isForeign(headers)) {
      return {
        status: 403,
        code: "ADMIN_ORIGIN",
        message: "Requests made by web pages are refused",
        hint: "Use the command line or a scraper",
      };
    }
    if (wantedDigest !== null && !hasToken(headers.authorization, wantedDigest)) {
      return { status: 401, code: "ADMIN_TOKEN", message: "A bearer token is required", hint: "Send Authorization: Bearer TOKEN" };
    }
    return null;
  };
}

function isOwnName(hostHeader: string | undefined, bound: string): boolean {
  const name = /^(\[[^\]]*\]|[^:]*)(?::\d{1,5})?$/.exec(hostHeader ?? "")?.[1]?.toLowerCase() ?? "";
  const bare = name.replace(/^\[|\]$/g, "");
  return bare === bound.toLowerCase() || isLoopback(bare);
}

function isForeign(headers: IncomingHttpHeaders): boolean {
  const { origin } = headers;
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") return true;
  return origin !== undefined && URL.parse(origin)?.host !== headers.host;
}

/** Digests have one length and give nothing away about the token by the time they take. */
function hasToken(authorization: string | undefined, wantedDigest: Buffer): boolean {
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1] ?? "";
  return timingSafeEqual(digest(token), wantedDigest);
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
