/**
 * Index addresses as people write them: the credentials are taken out, once,
 * here. From then on the address may be shown, and no credential goes along
 * with it into a message, a log or a redirect.
 */
import { fail, ok, type Result } from "../../base/result.ts";
import { withoutKeys } from "../../base/shown-address.ts";
import type { IndexAuth } from "../mirror-config.ts";

export interface IndexAddress {
  /** With its slash at the end, and without credentials. */
  readonly url: string;
  readonly auth: IndexAuth | null;
}

const FORMS = "use that of a simple index: https://index.example/simple/";

/** The failure is a phrase that follows the address. */
export function parseIndexAddress(text: string): Result<IndexAddress, string> {
  const url = URL.parse(text.trim());
  if (url?.protocol === "file:") return fail("is a folder: give it to --packages");
  if (url === null || !["http:", "https:"].includes(url.protocol)) return fail(`is no web address: ${FORMS}`);
  if (url.search !== "" || url.hash !== "") return fail(`has a query or a fragment: ${FORMS}`);
  const auth = authOf(url);
  url.username = "";
  url.password = "";
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return ok({ url: url.href, auth });
}

/**
 * For messages about an address that may not even be one: shows neither what
 * stands before an "@", nor a query, nor what looks like a key.
 */
export function withoutCredentials(text: unknown): string {
  const bare = String(text).replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, (_, scheme: string | undefined) => `${scheme ?? ""}***@`);
  return JSON.stringify(withoutKeys(bare.replace(/[?#].+$/s, (query) => `${query[0]}***`)));
}

function authOf({ username, password }: URL): IndexAuth | null {
  return username === "" && password === "" ? null : { kind: "basic", username: decoded(username), password: decoded(password) };
}

/** Credentials in an address are percent-encoded; a lone "%" stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
