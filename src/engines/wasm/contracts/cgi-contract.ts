/**
 * CGI (RFC 3875): the request's head in the environment, its body on standard
 * input; header lines, an empty line and the body on standard output. A header
 * named Proxy is left out: libraries take HTTP_PROXY for the user's wish. So is
 * one with "_" in its name: X_User would pass for the X-User of a proxy in front.
 */
import type { Exchange } from "../../../http/exchange.ts";
import type { CallFailure } from "../../engine.ts";
import { type Answer, isHeader, isStatus, type RequestContract } from "./contract.ts";

export const cgiContract: RequestContract = {
  name: "cgi",
  environIsRequest: true,
  input: (_exchange, body) => body,
  environ: environOf,
  answer: answerOf,
};

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** RFC 3875 6.3.3. */
const STATUS = /^(\d{3})(?: |$)/;
/** A guest gets the body without its transfer coding. */
const LEFT_OUT: ReadonlySet<string> = new Set(["PROXY", "TRANSFER-ENCODING"]);
const DEFAULT_PORT = { http: "80", https: "443" } as const;

function environOf(exchange: Exchange, body: Uint8Array | null): string {
  const query = exchange.target.indexOf("?");
  const path = query === -1 ? exchange.target : exchange.target.slice(0, query);
  const [, name = "", port] = /^(.*?)(?::(\d+))?$/.exec(exchange.host) ?? [];
  const headers = headerVariables(exchange.headerBlock);
  // The length without transfer codings (4.1.2): a request whose body came in chunks has no header for it.
  if (body !== null) headers.set("CONTENT_LENGTH", String(body.length));
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
  return variables.map(([key, value]) => `${key}=${value.replaceAll("\0", "")}\0`).join("");
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

function answerOf(stdout: Buffer): Answer | CallFailure {
  if (stdout[0] === LINE_FEED || (stdout[0] === CARRIAGE_RETURN && stdout[1] === LINE_FEED))
    return invalid("it begins with an empty line, where its header lines should be");
  const end = headEnd(stdout);
  if (end === null) return invalid("it has no empty line behind its header lines");
  let status = 0;
  let headerLines = "";
  for (const line of stdout.toString("latin1", 0, end.head).split(/\r?\n/)) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0));
    const value = line.slice(colon + 1).trim();
    if (!isHeader(name, value)) return invalid(`${JSON.stringify(line.slice(0, 80))} is no header line`);
    if (name.toLowerCase() !== "status") {
      headerLines += `${name}: ${value}\r\n`;
      if (name.toLowerCase() === "location" && status === 0) status = 302;
      continue;
    }
    status = Number(STATUS.exec(value)?.[1]);
    if (!isStatus(status)) return invalid(`its status is ${JSON.stringify(value)}, not a number from 200 to 599`);
  }
  return { status: status === 0 ? 200 : status, headerLines, body: Uint8Array.prototype.slice.call(stdout, end.body) };
}

/** Where the head ends and the body begins; null without an empty line. */
function headEnd(stdout: Buffer): { head: number; body: number } | null {
  // Line ends may be mixed: many a program ends its head with "\n\r\n".
  const long = stdout.indexOf("\n\r\n");
  const short = stdout.indexOf("\n\n");
  if (long !== -1 && (short === -1 || long < short)) return { head: long, body: long + 3 };
  return short === -1 ? null : { head: short, body: short + 2 };
}

function invalid(why: string): CallFailure {
  return { code: "INVALID_ANSWER", message: `The function's answer can't be sent: as CGI output, ${why}` };
}
