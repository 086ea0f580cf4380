/**
 * A client that shows what came: status, fields and bytes as they were sent,
 * nothing decoded, followed or repaired. An answer that breaks off is a value.
 */
import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";

export interface Answer {
  /** 0 when the connection ended before a status came. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The answer came to its end as its own fields say. */
  readonly isWhole: boolean;
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const TIMEOUT_MS = 60_000;

/** Accept as the clients send it (pip 26, uv 0.13). */
export const PIP_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01";
export const UV_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";

/** The target goes out as it stands in `url` behind the authority: "..", "%2f" and the like are not tidied away. */
export async function ask(url: string, options: AskOptions = {}): Promise<Answer> {
  const parts: Buffer[] = [];
  const { response, ended } = await open(url, options, (chunk) => parts.push(chunk));
  const isWhole = await ended;
  return { status: response?.statusCode ?? 0, headers: response?.headers ?? {}, body: Buffer.concat(parts), isWhole };
}

export interface Download {
  readonly status: number;
  readonly isWhole: boolean;
  /** A whole answer with a status of success and just the bytes that were wanted. */
  readonly isExact: boolean;
  readonly sizeBytes: number;
  /** Of performance.now(). */
  readonly firstByteAtMs: number | null;
}

/** Follows redirects, as pip does, and keeps nothing: for files too large to have fifty of. Every byte is compared. */
export async function download(url: string, wanted: Buffer, redirectsMax = 5): Promise<Download> {
  let [sizeBytes, isSame, firstByteAtMs]: [number, boolean, number | null] = [0, true, null];
  const { response, ended } = await open(url, {}, (chunk) => {
    firstByteAtMs ??= performance.now();
    const end = sizeBytes + chunk.length;
    isSame &&= end <= wanted.length && wanted.compare(chunk, 0, chunk.length, sizeBytes, end) === 0;
    sizeBytes = end;
  });
  const isWhole = await ended;
  const status = response?.statusCode ?? 0;
  const location = response?.headers.location;
  if (status >= 300 && status < 400 && location !== undefined && redirectsMax > 0) {
    return download(new URL(location, url).href, wanted, redirectsMax - 1);
  }
  return { status, isWhole, isExact: status === 200 && isWhole && isSame && sizeBytes === wanted.length, sizeBytes, firstByteAtMs };
}

/** Goes away after so many bytes of the content, wherever redirects lead to; true when they came. */
export async function leaveAfter(url: string, bytes: number): Promise<boolean> {
  let seen = 0;
  const { response, ended } = await open(url, {}, (chunk, message) => {
    seen += chunk.length;
    if (seen >= bytes) message.destroy();
  });
  await ended;
  const { statusCode = 0, headers = {} } = response ?? {};
  if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined)
    return leaveAfter(new URL(headers.location, url).href, bytes);
  return seen >= bytes;
}

interface Opened {
  /** Null when the connection failed. */
  readonly response: IncomingMessage | null;
  readonly ended: Promise<boolean>;
}

function open(
  url: string,
  { method = "GET", headers = {} }: AskOptions,
  onData: (chunk: Buffer, from: IncomingMessage) => void,
): Promise<Opened> {
  const [, host = "", port = "80", target = "/"] = /^http:\/\/([^/:]+)(?::(\d+))?(.*)$/s.exec(url) ?? [];
  return new Promise((resolve) => {
    // No agent: every client has a connection of its own, as so many machines have.
    const sent = request({
      host,
      port,
      path: target === "" ? "/" : target,
      method,
      headers: { connection: "close", ...headers },
      agent: false,
    });
    sent.setTimeout(TIMEOUT_MS, () => sent.destroy());
    sent.on("error", () => resolve({ response: null, ended: Promise.resolve(false) }));
    sent.on("response", (response) => {
      response.on("data", (chunk: Buffer) => onData(chunk, response));
      response.on("error", () => {});
      resolve({ response, ended: new Promise((done) => response.once("close", () => done(response.complete))) });
    });
    sent.end();
  });
}
