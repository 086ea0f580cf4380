/**
 * URL of the WHATWG standard. The parser is the host's; a URL that is already
 * in the form the parser would give, as nearly all are, is recognised here
 * without crossing. An href, once serialised, splits into its components by
 * position alone, so the href is all that is kept.
 */
import { hostSync } from "./bridge.ts";
import { linkParams, URLSearchParams } from "./url-search-params.ts";

/*
 * Characters the parser leaves alone in path, query and fragment. Kept to those
 * every revision of the standard agrees on; the rest is the host's business.
 */
const CANONICAL =
  /^(https?:)\/\/([a-z0-9.-]+)(:[0-9]{1,5})?(\/[\w\-.~!$&'()*+,;=:@/%]*)?(\?[\w\-.~!$&()*+,;=:@/%?]*)?(#[\w\-.~!$&'()*+,;=:@/%?]*)?$/;
const ABSOLUTE_PATH = /^\/(?!\/)[\w\-.~!$&'()*+,;=:@/%]*(?:\?[\w\-.~!$&()*+,;=:@/%?]*)?(?:#[\w\-.~!$&'()*+,;=:@/%?]*)?$/;
/** A name whose last label begins with a letter (else it may be an IPv4 number), or an IPv4 address as serialised. */
const PLAIN_HOST = /^(?:(?:(?!xn--)[a-z0-9-]+\.)*(?!xn--)[a-z][a-z0-9-]*|(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4})$/;
const DOT_SEGMENT = /\/(?:\.|%2e)/i;
const HOST_MAX_LENGTH = 253;
const ORIGIN_SCHEMES = new Set(["http:", "https:", "ws:", "wss:", "ftp:"]);

interface Parts {
  readonly protocol: string;
  readonly username: string;
  readonly password: string;
  readonly hostname: string;
  readonly port: string;
  readonly pathname: string;
  readonly search: string;
  readonly hash: string;
}

type Settable = "protocol" | "username" | "password" | "host" | "hostname" | "port" | "pathname" | "search" | "hash";

export class URL {
  #href: string;
  #parts: Parts | null = null;
  #params: URLSearchParams | null = null;

  constructor(input: unknown, base?: unknown) {
    const href = resolve(input, base);
    if (href === null) throw Object.assign(new TypeError("Invalid URL"), { code: "ERR_INVALID_URL", input: String(input) });
    this.#href = href;
  }

  static canParse(input: unknown, base?: unknown): boolean {
    return resolve(input, base) !== null;
  }

  static parse(input: unknown, base?: unknown): URL | null {
    const href = resolve(input, base);
    // Parsing an href again gives the same href: the constructor takes the short way.
    return href === null ? null : new URL(href);
  }

  get href(): string {
    return this.#href;
  }
  set href(value: string) {
    const href = resolve(value, undefined);
    if (href === null) throw new TypeError("Invalid URL");
    this.#assign(href);
    this.#refreshParams();
  }

  get origin(): string {
    const { protocol } = this.#split();
    if (ORIGIN_SCHEMES.has(protocol)) return `${protocol}//${this.host}`;
    if (protocol !== "blob:") return "null";
    const inner = URL.parse(this.pathname);
    return inner !== null && /^https?:$/.test(inner.protocol) ? inner.origin : "null";
  }

  get protocol(): string {
    return this.#split().protocol;
  }
  set protocol(value: string) {
    this.#set("protocol", value);
  }
  get username(): string {
    return this.#split().username;
  }
  set username(value: string) {
    this.#set("username", value);
  }
  get password(): string {
    return this.#split().password;
  }
  set password(value: string) {
    this.#set("password", value);
  }
  get host(): string {
    const { hostname, port } = this.#split();
    return port === "" ? hostname : `${hostname}:${port}`;
  }
  set host(value: string) {
    this.#set("host", value);
  }
  get hostname(): string {
    return this.#split().hostname;
  }
  set hostname(value: string) {
    this.#set("hostname", value);
  }
  get port(): string {
    return this.#split().port;
  }
  set port(value: string) {
    this.#set("port", value);
  }
  get pathname(): string {
    return this.#split().pathname;
  }
  set pathname(value: string) {
    this.#set("pathname", value);
  }
  get search(): string {
    return this.#split().search;
  }
  set search(value: string) {
    this.#set("search", value);
    this.#refreshParams();
  }
  get hash(): string {
    return this.#split().hash;
  }
  set hash(value: string) {
    this.#set("hash", value);
  }

  get searchParams(): URLSearchParams {
    if (this.#params === null) {
      this.#params = new URLSearchParams();
      this.#refreshParams();
    }
    return this.#params;
  }

  toString(): string {
    return this.#href;
  }
  toJSON(): string {
    return this.#href;
  }
  get [Symbol.toStringTag](): string {
    return "URL";
  }

  #split(): Parts {
    this.#parts ??= split(this.#href);
    return this.#parts;
  }

  #set(component: Settable, value: unknown): void {
    this.#assign(hostSync("url.set", this.#href, component, `${value as string}`) as string);
  }

  #assign(href: string): void {
    this.#href = href;
    this.#parts = null;
  }

  #refreshParams(): void {
    if (this.#params !== null) linkParams(this.#params, this.search.slice(1), (query) => this.#replaceQuery(query));
  }

  /** The serialised pairs need no parser, except where an opaque path may have to lose trailing spaces. */
  #replaceQuery(query: string): void {
    const href = this.#href;
    if (!/^[a-z0-9+.-]+:\//.test(href)) {
      this.#set("search", query);
      return;
    }
    const hashAt = href.indexOf("#");
    const fragment = hashAt === -1 ? "" : href.slice(hashAt);
    const rest = hashAt === -1 ? href : href.slice(0, hashAt);
    const queryAt = rest.indexOf("?");
    const head = queryAt === -1 ? rest : rest.slice(0, queryAt);
    this.#assign(query === "" ? head + fragment : `${head}?${query}${fragment}`);
  }
}

/** The href of `input` against `base`, or null when there is none. */
function resolve(input: unknown, base: unknown): string | null {
  const text = input instanceof URL ? input.href : `${input as string}`;
  if (base === undefined) return canonical(text) ?? (hostSync("url.parse", text) as string | null);
  const baseHref = base instanceof URL ? base.href : (canonical(`${base as string}`) ?? `${base as string}`);
  const baseIsParsed = base instanceof URL || canonical(baseHref) !== null;
  if (baseIsParsed) {
    const absolute = canonical(text);
    if (absolute !== null) return absolute;
    if (/^https?:/.test(baseHref) && ABSOLUTE_PATH.test(text) && !DOT_SEGMENT.test(text)) {
      return baseHref.slice(0, baseHref.indexOf("/", 8)) + text;
    }
  }
  return hostSync("url.parse", text, baseHref) as string | null;
}

/** The href of an absolute http(s) URL that the parser would leave as it is but for a default port or a missing "/". */
function canonical(text: string): string | null {
  const match = CANONICAL.exec(text);
  if (match === null) return null;
  const [, protocol, host, port = "", path = "/", query = "", fragment = ""] = match as unknown as [string, string, string, ...string[]];
  if (host.length > HOST_MAX_LENGTH || !PLAIN_HOST.test(host) || DOT_SEGMENT.test(path)) return null;
  if (port === "") return path === "/" ? `${protocol}//${host}/${query}${fragment}` : text;
  if (port.length > 2 && port.charCodeAt(1) === 0x30) return null;
  if (Number(port.slice(1)) > 65_535) return null;
  const shown = port === (protocol === "http:" ? ":80" : ":443") ? "" : port;
  return `${protocol}//${host}${shown}${path}${query}${fragment}`;
}

function split(href: string): Parts {
  const hashAt = href.indexOf("#");
  const queryEnd = hashAt === -1 ? href.length : hashAt;
  const questionAt = href.indexOf("?");
  const pathEnd = questionAt === -1 || questionAt > queryEnd ? queryEnd : questionAt;
  const schemeEnd = href.indexOf(":") + 1;
  let username = "";
  let password = "";
  let hostname = "";
  let port = "";
  let pathname: string;
  if (href.startsWith("//", schemeEnd)) {
    const slashAt = href.indexOf("/", schemeEnd + 2);
    const authorityEnd = slashAt === -1 || slashAt > pathEnd ? pathEnd : slashAt;
    const authority = href.slice(schemeEnd + 2, authorityEnd);
    const at = authority.lastIndexOf("@");
    if (at !== -1) {
      const colon = authority.indexOf(":");
      username = authority.slice(0, colon === -1 || colon > at ? at : colon);
      password = colon === -1 || colon > at ? "" : authority.slice(colon + 1, at);
    }
    const hostAndPort = authority.slice(at + 1);
    const colon = hostAndPort.lastIndexOf(":");
    const hasPort = colon > hostAndPort.lastIndexOf("]");
    hostname = hasPort ? hostAndPort.slice(0, colon) : hostAndPort;
    port = hasPort ? hostAndPort.slice(colon + 1) : "";
    pathname = href.slice(authorityEnd, pathEnd);
  } else {
    pathname = href.slice(schemeEnd, pathEnd);
    // "/." keeps a path that begins with "//" from reading as a host; it is no part of the path.
    if (pathname.startsWith("/.//")) pathname = pathname.slice(2);
  }
  return {
    protocol: href.slice(0, schemeEnd),
    username,
    password,
    hostname,
    port,
    pathname,
    search: pathEnd + 1 >= queryEnd ? "" : href.slice(pathEnd, queryEnd),
    hash: hashAt === -1 || hashAt + 1 === href.length ? "" : href.slice(hashAt),
  };
}
