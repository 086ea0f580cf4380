/**
 * Request targets and hosts: the forms of RFC 9112 section 3.2, and nothing
 * else. Pure. A host that two readers could understand differently is refused,
 * because routing and access rules further up depend on it.
 */

/** Registered name, IPv4 or bracketed IPv6, and an optional port. No user information, no empty name. */
const HOST = /^(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9\-._~%!$&'()*+,;=]{1,255})(?::\d{0,5})?$/;
const TARGET_CHARACTERS = /^[!-"$-~]+$/;
const ABSOLUTE_FORM = /^https?:\/\/([^/?]*)([/?].*)?$/i;

export function isValidHost(host: string): boolean {
  return HOST.test(host);
}

export interface Target {
  /** Path and query, or "*". */
  readonly target: string;
  /** The authority of an absolute-form target, which replaces the Host header; null otherwise. */
  readonly authority: string | null;
}

/** Null when the target has no form that this method may use. */
export function parseTarget(method: string, sent: string): Target | null {
  if (!TARGET_CHARACTERS.test(sent)) return null;
  if (sent.charCodeAt(0) === 0x2f) return { target: sent, authority: null };
  if (sent === "*") return method === "OPTIONS" ? { target: "*", authority: null } : null;
  const absolute = ABSOLUTE_FORM.exec(sent);
  const authority = absolute?.[1];
  if (authority === undefined || !isValidHost(authority)) return null;
  const rest = absolute?.[2] ?? "/";
  return { target: rest.startsWith("?") ? `/${rest}` : rest, authority };
}
