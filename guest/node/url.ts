/**
 * node:url: the WHATWG classes, the file URL helpers and the legacy parser's
 * shape. The legacy functions take text apart by position, as they always did,
 * and validate nothing; new code should use URL.
 */
import { argumentError } from "./argument-error.ts";
import querystring from "./querystring.ts";

declare const URL: typeof import("../url.ts").URL;
declare const URLSearchParams: typeof import("../url-search-params.ts").URLSearchParams;
type URL = import("../url.ts").URL;

const GlobalURL = URL;
const GlobalURLSearchParams = URLSearchParams;

export { GlobalURL as URL, GlobalURLSearchParams as URLSearchParams };

/** Scheme, authority, path, query, fragment: the regular expression of RFC 3986, appendix B. */
const SHAPE = /^(?:([a-z][a-z0-9+.-]*):)?(\/\/([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?$/is;
const SLASHED = new Set(["http:", "https:", "ftp:", "file:", "ws:", "wss:"]);

export class Url {
  protocol: string | null = null;
  slashes: boolean | null = null;
  auth: string | null = null;
  host: string | null = null;
  port: string | null = null;
  hostname: string | null = null;
  hash: string | null = null;
  search: string | null = null;
  query: string | Record<string, string | string[]> | null = null;
  pathname: string | null = null;
  path: string | null = null;
  href = "";
}

export function parse(input: string, parseQuery = false, slashesDenoteHost = false): Url {
  if (typeof input !== "string") throw argumentError("url", "string", input);
  const url = new Url();
  const match = SHAPE.exec(input.trim().replaceAll("\\", "/")) as unknown as (string | undefined)[];
  const [, scheme, slashes, authority = "", path = "", search, hash] = match;
  if (scheme !== undefined) url.protocol = `${scheme.toLowerCase()}:`;
  let pathname = path;
  if (slashes !== undefined && (scheme !== undefined || slashesDenoteHost)) {
    url.slashes = true;
    takeAuthority(url, authority);
  } else if (url.protocol !== null && url.protocol !== "javascript:" && !SLASHED.has(url.protocol)) {
    // "mailto:user@host": schemes without slashes have a host too, by this parser's lights.
    const [host] = path.split("/", 1) as [string];
    takeAuthority(url, host);
    pathname = path.slice(host.length);
  } else pathname = `${slashes ?? ""}${path}`;
  url.pathname = pathname !== "" ? pathname : url.slashes && SLASHED.has(url.protocol ?? "") ? "/" : null;
  url.search = search ?? (parseQuery ? "" : null);
  url.query = parseQuery ? querystring.parse((search ?? "").slice(1)) : (search?.slice(1) ?? null);
  url.hash = hash ?? null;
  url.path = url.pathname === null && url.search === null ? null : `${url.pathname ?? ""}${url.search ?? ""}`;
  url.href = format(url);
  return url;
}

function takeAuthority(url: Url, authority: string): void {
  const at = authority.lastIndexOf("@");
  if (at !== -1) url.auth = decoded(authority.slice(0, at));
  const [, hostname, port] = /^(.*?)(?::(\d*))?$/s.exec(authority.slice(at + 1)) as unknown as [string, string, string | undefined];
  url.port = port || null;
  url.hostname = hostname.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  url.host = `${hostname.toLowerCase()}${url.port === null ? "" : `:${url.port}`}`;
}

type Formattable = Partial<Omit<Url, "query" | "port">> & { query?: unknown; port?: string | number | null };

export function format(input: Formattable | URL | string): string {
  if (typeof input === "string") return parse(input).href;
  if (input instanceof GlobalURL) return input.href;
  const protocol = input.protocol ? `${input.protocol.replace(/:$/, "")}:` : "";
  const auth = input.auth ? `${encodeURIComponent(input.auth).replace(/%3A/i, ":")}@` : "";
  const hostname = input.hostname?.includes(":") ? `[${input.hostname}]` : input.hostname;
  const host = input.host ?? (hostname ? `${hostname}${input.port ? `:${input.port}` : ""}` : null);
  const slashes = input.slashes || (SLASHED.has(protocol) && host !== null) ? "//" : "";
  let pathname = (input.pathname ?? "").replace(/[?#]/g, encodeURIComponent);
  if (slashes !== "" && pathname !== "" && !pathname.startsWith("/")) pathname = `/${pathname}`;
  const query = typeof input.query === "object" && input.query !== null ? querystring.stringify(input.query) : "";
  const search = (input.search || (query === "" ? "" : `?${query}`)).replaceAll("#", "%23");
  const hash = input.hash ?? "";
  const question = search === "" || search.startsWith("?") ? "" : "?";
  const number = hash === "" || hash.startsWith("#") ? "" : "#";
  return `${protocol}${slashes}${host === null ? "" : auth + host}${pathname}${question}${search}${number}${hash}`;
}

export function resolve(from: string, to: string): string {
  // A base of its own scheme lets the standard's algorithm resolve what has no host.
  const base = new GlobalURL(from, "resolve://");
  const result = new GlobalURL(to, base);
  return result.protocol === "resolve:" ? `${result.pathname}${result.search}${result.hash}` : result.href;
}

export function fileURLToPath(input: string | URL): string {
  const url = typeof input === "string" ? new GlobalURL(input) : input;
  if (url.protocol !== "file:") throw Object.assign(new TypeError("The URL must be of scheme file"), { code: "ERR_INVALID_URL_SCHEME" });
  if (url.hostname !== "") throw Object.assign(new TypeError("File URL host must be empty"), { code: "ERR_INVALID_FILE_URL_HOST" });
  if (/%2f/i.test(url.pathname)) {
    throw Object.assign(new TypeError("File URL path must not include encoded / characters"), { code: "ERR_INVALID_FILE_URL_PATH" });
  }
  return decodeURIComponent(url.pathname);
}

export function pathToFileURL(path: string): URL {
  const absolute = path.startsWith("/") ? path : `/${path}`;
  const encoded = absolute.replace(
    /[%\\\n\r\t?#]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
  return new GlobalURL(`file://${encoded}`);
}

export function domainToASCII(domain: string): string {
  return GlobalURL.parse(`ws://${domain}`)?.hostname ?? "";
}

export function urlToHttpOptions(url: URL): Record<string, unknown> {
  const { protocol, hostname, hash, search, pathname, href, username, password, port } = url;
  return {
    protocol,
    hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
    hash,
    search,
    pathname,
    path: `${pathname}${search}`,
    href,
    ...(port === "" ? {} : { port: Number(port) }),
    ...(username === "" && password === "" ? {} : { auth: `${decoded(username)}:${decoded(password)}` }),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export default {
  URL: GlobalURL,
  URLSearchParams: GlobalURLSearchParams,
  Url,
  domainToASCII,
  fileURLToPath,
  format,
  parse,
  pathToFileURL,
  resolve,
  urlToHttpOptions,
};
