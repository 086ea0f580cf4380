/**
 * The head of a request as CGI variables (RFC 3875 section 4.1). A header named
 * Proxy is left out: libraries take HTTP_PROXY for the user's wish. So is one
 * with "_" in its name: X_User would pass for the X-User of a proxy in front.
 */
import type { Exchange } from "../../http/exchange.ts";

/** A guest gets the body without its transfer coding. */
const LEFT_OUT: ReadonlySet<string> = new Set(["PROXY", "TRANSFER-ENCODING"]);
const DEFAULT_PORT = { http: "80", https: "443" } as const;

/** `bodyBytes` is null where there is no body, or nobody knows how long it is. Values hold no NUL. */
export function cgiVariables(exchange: Exchange, bodyBytes: number | null): [name: string, value: string][] {
  const query = exchange.target.indexOf("?");
  const path = query === -1 ? exchange.target : exchange.target.slice(0, query);
  const [, name = "", port] = /^(.*?)(?::(\d+))?$/.exec(exchange.host) ?? [];
  const headers = headerVariables(exchange.headerBlock);
  // The length without transfer codings (4.1.2): a request whose body came in chunks has no header for it.
  if (bodyBytes !== null) headers.set("CONTENT_LENGTH", String(bodyBytes));
  const variables: [string, string][] = [
    ["GATEWAY_INTERFACE", "CGI/1.1"],
    ["SERVER_PROTOCOL", "HTTP/1.1"],
    ["SERVER_SOFTWARE", "pilotlight"],
    ["SERVER_NAME", name],
    ["SERVER_PORT", port ?? DEFAULT_PORT[exchange.secure ? "https" : "http"]],
    ["REQUEST_METHOD", exchange.method],
    ["REQUEST_URI", exchange.target],
    ["SCRIPT_NAME", ""],
    ["PATH_INFO", decoded(path)],
    ["QUERY_STRING", query === -1 ? "" : exchange.target.slice(query + 1)],
    ["REMOTE_ADDR", exchange.remoteAddress],
    ...(exchange.secure ? ([["HTTPS", "on"]] as [string, string][]) : []),
    ...headers,
  ];
  for (const variable of variables) variable[1] = variable[1].replaceAll("\0", "");
  return variables;
}

/** Repeated headers are joined, as RFC 3875 4.1.18 asks. */
function headerVariables(block: string): Map<string, string> {
  const variables = new Map<string, string>();
  for (const line of block.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const name = line.slice(0, colon).toUpperCase();
    if (LEFT_OUT.has(name) || name.includes("_")) continue;
    const key = name.replaceAll("-", "_");
    const variable = key === "CONTENT_TYPE" || key === "CONTENT_LENGTH" ? key : `HTTP_${key}`;
    const value = line.slice(colon + 1).trim();
    const before = variables.get(variable);
    variables.set(variable, before === undefined ? value : `${before}${key === "COOKIE" ? "; " : ", "}${value}`);
  }
  return variables;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
