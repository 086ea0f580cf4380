/**
 * Redirects: where a request goes next, RFC 9110 section 15.4, decided by hand
 * because each step is a question of trust. At most 10, no loops, http and
 * https only, never from https down to http. The credentials of an index go to
 * the origin of its own address and nowhere else, and once a request has left
 * that origin they stay away for good: who sends it away and back again must
 * not be able to choose what is asked with them. Pure.
 */
import { fail, ok, type Result } from "../../base/result.ts";
import { shownAddress } from "../../base/shown-address.ts";

const REDIRECTS_MAX = 10;

export interface Hop {
  /** Without credentials and fragment. */
  readonly url: URL;
  /** Still with the index's own origin, never having left it. */
  readonly isTrusted: boolean;
  /** Addresses asked so far, this one last. */
  readonly trail: readonly string[];
}

/** Failures are phrases that follow "Cannot fetch …: ". */
export function firstHop(href: string, indexOrigin: string): Result<Hop, string> {
  const url = bare(href, undefined);
  if (!url.ok) return url;
  return ok({ url: url.value, isTrusted: url.value.origin === indexOrigin, trail: [url.value.href] });
}

export function nextHop(from: Hop, location: string | null): Result<Hop, string> {
  if (location === null || location === "") return fail("it redirects without saying where");
  if (from.trail.length > REDIRECTS_MAX) return fail(`it redirects more than ${REDIRECTS_MAX} times`);
  const next = bare(location, from.url);
  if (!next.ok) return fail(`it redirects, but ${next.failure}`);
  const url = next.value;
  if (from.url.protocol === "https:" && url.protocol === "http:") return fail(`it redirects from https to plain http (${url.origin})`);
  if (from.trail.includes(url.href)) return fail(`it redirects in a loop (${url.origin})`);
  return ok({ url, isTrusted: from.isTrusted && url.origin === from.url.origin, trail: [...from.trail, url.href] });
}

/**
 * An address as failures may show it: the one that was asked for, and of where
 * it led no more than the origin. Queries of signed addresses are secrets.
 */
export function showHop(hop: Hop): string {
  const asked = hop.trail[0]!;
  const shown = shownAddress(asked);
  return hop.url.origin === new URL(asked).origin ? shown : `${shown} (redirected to ${hop.url.origin})`;
}

function bare(href: string, base: URL | undefined): Result<URL, string> {
  const url = URL.parse(href, base);
  if (url === null) return fail("the address can't be read");
  if (url.protocol !== "http:" && url.protocol !== "https:") return fail(`${url.protocol} is not http: or https:`);
  // Userinfo in a link would be somebody else's secret, sent for whoever wrote the link.
  url.username = "";
  url.password = "";
  url.hash = "";
  return ok(url);
}
