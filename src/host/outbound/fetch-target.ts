/**
 * Fetch targets: may this function reach this URL, and under which address
 * rule? Pure; names are not resolved here. Denied until named: an origin in
 * `allow.fetch` may be anywhere, "*" means public addresses only.
 */
import { isIP } from "node:net";
import type { Allow } from "../../config/config.ts";
import { GuestFault } from "../guest-fault.ts";
import { classifyAddress } from "./address.ts";

/** `named`: the operator vouched for the origin. `public`: every address it resolves to is checked. */
export type Reach = "named" | "public";

export interface Target {
  readonly url: URL;
  readonly reach: Reach;
}

export function requireTarget(allow: Allow, href: string, base?: string): Target {
  const url = URL.parse(href, base);
  if (url === null) throw new GuestFault("TypeError", `fetch: ${JSON.stringify(href.slice(0, 200))} is not a URL`);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new GuestFault("TypeError", `fetch: the scheme ${url.protocol} is not supported, only http: and https:`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new GuestFault("TypeError", "fetch: a URL with credentials is refused; send an authorization header");
  }
  url.hash = "";
  const entries = allow.fetch ?? [];
  if (entries.some((entry) => entry !== "*" && URL.parse(entry)?.origin === url.origin)) return { url, reach: "named" };
  if (!entries.includes("*")) {
    throw new GuestFault("TypeError", `fetch: ${url.origin} is not allowed; name it in this function's allow.fetch`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0) requirePublic(url.hostname, host);
  return { url, reach: "public" };
}

/** The refusal of an address that "*" does not cover, as the guest sees it. */
export function requirePublic(host: string, address: string): void {
  const kind = classifyAddress(address);
  if (kind !== "public") {
    throw new GuestFault("TypeError", `fetch: ${host} has a ${kind} address, which "*" does not cover; name its origin in allow.fetch`);
  }
}
