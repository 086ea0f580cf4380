/**
 * One fetch in progress: follows redirects to allowed targets only, feeds the
 * request body as the guest writes it and hands out the response body as the
 * guest reads it. Sends no header the guest did not set except what HTTP needs.
 */
import type { PassThrough, Readable } from "node:stream";
import type { Dispatcher } from "undici";
import { builtin } from "../../base/builtin.ts";
import { GuestFault } from "../guest-fault.ts";
import { decodeBody } from "./content-encoding.ts";
import { loadOutbound } from "./fetch-dispatcher.ts";
import { requireTarget, type Target } from "./fetch-target.ts";
import type { Handle } from "./handle.ts";
import type { OutboundContext } from "./outbound-context.ts";

const REDIRECTS_MAX = 20;
export const BODY_MAX_BYTES = 256 * 1024 * 1024;
/** Bodies this small that arrive at once ride along with the head. */
const INLINE_MAX_BYTES = 64 * 1024;
const INLINE_WAIT_MS = 10;
/** A body nobody reads holds a connection: a function that only looked at the status never closes it. */
const UNREAD_MAX_MS = 120_000;
const REDIRECT_STATUSES = new Set([301, 302, 303, 307, 308]);
const NULL_BODY_STATUSES = new Set([101, 103, 204, 205, 304]);
const UPLOAD_BUFFER_BYTES = 64 * 1024;

export interface FetchRequest {
  readonly target: Target;
  readonly method: string;
  readonly headers: readonly (readonly [string, string])[];
  /** Bytes to send, null for none, or "stream" when the guest will write them. */
  readonly body: Uint8Array | null | "stream";
  readonly redirect: "follow" | "manual" | "error";
}

export interface FetchHead {
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly url: string;
  readonly redirected: boolean;
  /** The whole body, null for none, or "stream" when it must be read. */
  readonly body: Uint8Array | null | "stream";
}

export class OpenFetch implements Handle {
  /** Called when a body was left unread for too long: the holder closes the handle. */
  onUnread: (() => void) | null = null;
  readonly #context: OutboundContext;
  readonly #request: FetchRequest;
  readonly #controller = new AbortController();
  readonly #upload: PassThrough | null;
  #uploadedBytes = 0;
  #download: Readable | null = null;
  #downloadedBytes = 0;
  #iterator: AsyncIterator<Buffer> | null = null;
  #unread: NodeJS.Timeout | undefined;
  /** Reads that were begun to see whether the body arrives at once. */
  readonly #ahead: Promise<IteratorResult<Buffer>>[] = [];

  constructor(context: OutboundContext, request: FetchRequest) {
    this.#context = context;
    this.#request = request;
    this.#upload = request.body === "stream" ? new builtin.stream.PassThrough({ highWaterMark: UPLOAD_BUFFER_BYTES }) : null;
    // Destroyed by abort or by undici: both are reported where somebody waits.
    this.#upload?.on("error", () => {});
  }

  close(): void {
    clearTimeout(this.#unread);
    this.#controller.abort();
    this.#upload?.destroy();
    this.#download?.destroy();
  }

  async head(): Promise<FetchHead> {
    let { target, method, headers, body } = this.#request;
    for (let redirectCount = 0; ; redirectCount++) {
      const response = await this.#send(target, method, headers, body);
      const location = REDIRECT_STATUSES.has(response.statusCode) ? headerOf(response.headers, "location") : null;
      if (location === null || this.#request.redirect === "manual") return this.#describe(response, target, method, redirectCount > 0);
      // What a redirect says is of no use; its socket may be.
      response.body.dump({ limit: INLINE_MAX_BYTES }).catch(() => {});
      if (this.#request.redirect === "error") throw new GuestFault("TypeError", `fetch: ${target.url.origin} answered with a redirect`);
      if (redirectCount === REDIRECTS_MAX) throw new GuestFault("TypeError", `fetch: more than ${REDIRECTS_MAX} redirects`);
      const next = requireTarget(this.#context.allow, location, target.url.href);
      const becomesGet =
        response.statusCode === 303 ? method !== "GET" && method !== "HEAD" : response.statusCode < 303 && method === "POST";
      if (becomesGet) {
        method = "GET";
        body = null;
        headers = headers.filter(([name]) => !/^content-/.test(name));
      } else if (body === "stream") {
        throw new GuestFault("TypeError", "fetch: a streamed request body can't be sent again after a redirect");
      }
      if (next.url.origin !== target.url.origin) {
        headers = headers.filter(([name]) => !/^(?:authorization|cookie|proxy-authorization)$/.test(name));
      }
      target = next;
    }
  }

  async #send(
    target: Target,
    method: string,
    headers: FetchRequest["headers"],
    body: FetchRequest["body"],
  ): Promise<Dispatcher.ResponseData> {
    const { request, agents } = await loadOutbound();
    const codings = headers.some(([name]) => name === "accept-encoding") ? [] : ["accept-encoding", "gzip, deflate, br"];
    try {
      return await request(target.url, {
        dispatcher: agents[target.reach],
        method: method as "GET",
        headers: [...headers.flat(), ...codings],
        body: body === "stream" ? (this.#upload as PassThrough) : body,
        signal: this.#controller.signal,
        responseHeaders: "raw",
      });
    } catch (error) {
      throw failure(target.url, error);
    }
  }

  async #describe(response: Dispatcher.ResponseData, target: Target, method: string, redirected: boolean): Promise<FetchHead> {
    const pairs = pairsOf(response.headers);
    const head = { status: response.statusCode, statusText: response.statusText, headers: pairs, url: target.url.href, redirected };
    if (method === "HEAD" || NULL_BODY_STATUSES.has(response.statusCode)) {
      response.body.dump({ limit: INLINE_MAX_BYTES }).catch(() => {});
      return { ...head, body: null };
    }
    this.#download = decodeBody(this.#context, response.body, headerOf(response.headers, "content-encoding") ?? "");
    // A body that is destroyed early fails; its reader is told by the read, and where nobody reads nobody needs to be.
    this.#download.on("error", () => {});
    response.body.on("error", () => {});
    this.#iterator = this.#download.iterator() as AsyncIterator<Buffer>;
    const length = headerOf(response.headers, "content-length");
    // Of unknown length: only what came with the head, since an event stream must not wait.
    const whole = length === null || Number(length) <= INLINE_MAX_BYTES ? await this.#readSoon(this.#iterator, length === null) : null;
    if (whole === null) this.#watchReader();
    return { ...head, body: whole ?? "stream" };
  }

  /** The whole body when it is small and already here, else null with nothing lost: what was begun stays ahead for read(). */
  async #readSoon(iterator: AsyncIterator<Buffer>, atOnce: boolean): Promise<Uint8Array | null> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      if (atOnce) setImmediate(resolve, null);
      else timer = setTimeout(resolve, INLINE_WAIT_MS, null);
    });
    const chunks: Buffer[] = [];
    let heldBytes = 0;
    try {
      while (heldBytes <= INLINE_MAX_BYTES) {
        const next = iterator.next();
        this.#ahead.push(next);
        const result = await Promise.race([next, late]);
        if (result === null) return null;
        if (result.done) return Buffer.concat(chunks);
        chunks.push(result.value);
        heldBytes += result.value.byteLength;
      }
      return null;
    } catch {
      // The reader of the body gets the error, as with every later chunk.
      return null;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The next chunk of the response body, null at its end. */
  async read(): Promise<Uint8Array | null> {
    if (this.#iterator === null) throw new GuestFault("InvalidStateError", "This fetch has no body to read");
    this.#watchReader();
    let result: IteratorResult<Buffer>;
    try {
      result = await (this.#ahead.shift() ?? this.#iterator.next());
    } catch (error) {
      throw failure(this.#request.target.url, error);
    }
    if (result.done) return null;
    this.#downloadedBytes += result.value.byteLength;
    if (this.#downloadedBytes > BODY_MAX_BYTES)
      throw new GuestFault("TypeError", `fetch: the response body exceeds ${BODY_MAX_BYTES} bytes`);
    return result.value;
  }

  /** Starts the wait for the next read afresh. */
  #watchReader(): void {
    clearTimeout(this.#unread);
    this.#unread = setTimeout(() => this.onUnread?.(), UNREAD_MAX_MS).unref();
  }

  /** Takes a chunk of the request body (null ends it) and resolves when there is room for the next. */
  async write(chunk: Uint8Array | null): Promise<void> {
    const upload = this.#upload;
    if (upload === null) throw new GuestFault("InvalidStateError", "This fetch has no body to write");
    if (chunk === null) {
      upload.end();
      return;
    }
    this.#uploadedBytes += chunk.byteLength;
    if (this.#uploadedBytes > BODY_MAX_BYTES) throw new GuestFault("TypeError", `fetch: the request body exceeds ${BODY_MAX_BYTES} bytes`);
    await new Promise<void>((resolve, reject) => {
      const gone = (): void => reject(new GuestFault("TypeError", "fetch: the server stopped reading the request body"));
      upload.once("close", gone);
      upload.write(chunk, (error) => {
        upload.off("close", gone);
        if (error) gone();
        else resolve();
      });
    });
  }
}

/** What went wrong, by code only: messages of the network stack name our own addresses. */
function failure(url: URL, error: unknown): GuestFault {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof GuestFault) return cause;
  }
  const { name, code } = error as { name?: string; code?: string };
  if (name === "AbortError") return new GuestFault("AbortError", "The fetch was aborted");
  return new GuestFault("TypeError", `fetch failed: ${url.origin} (${code ?? name ?? "unknown error"})`);
}

function pairsOf(raw: unknown): [string, string][] {
  const list = raw as (string | Buffer)[];
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < list.length; at += 2) pairs.push([textOf(list[at]).toLowerCase(), textOf(list[at + 1])]);
  return pairs;
}

function textOf(value: string | Buffer | undefined): string {
  return typeof value === "string" ? value : (value as Buffer).toString("latin1");
}

function headerOf(raw: unknown, name: string): string | null {
  return pairsOf(raw).find(([key]) => key === name)?.[1] ?? null;
}
