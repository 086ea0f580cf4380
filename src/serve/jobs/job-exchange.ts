/**
 * Job exchange: a function's view of a request that comes from the table of
 * jobs instead of a socket. Collects the answer whole, up to what can be kept,
 * and settles exactly once, as the function's place in its pool depends on it.
 */
import type { Exchange, RequestBody } from "../../http/exchange.ts";
import { headerPairs } from "../../http/hop-by-hop.ts";
import { NO_BODY, WholeBody } from "../../http/request-body.ts";
import { responsePrefix } from "../../http/response-head.ts";
import type { JobRequest } from "./job-request.ts";

export type JobAnswer =
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly headerLines: string;
      readonly body: Uint8Array;
      /** Why it is the server's answer and not the function's (`Exchange.tellReason`); null when it is the function's, or nothing is known. */
      readonly reason: string | null;
    }
  /** `again` is false when another attempt would end the same way. */
  | { readonly kind: "broken"; readonly reason: string; readonly again: boolean }
  /** Ended from outside: nothing is known of what it would have answered. */
  | { readonly kind: "aborted"; readonly reason: string };

export class JobExchange implements Exchange {
  readonly method: string;
  readonly target: string;
  readonly headerBlock: string;
  readonly host: string;
  readonly secure: boolean;
  readonly remoteAddress: string;
  readonly hasPreference = false;
  readonly body: RequestBody;
  readonly answer: Promise<JobAnswer>;
  readonly #resolve: (answer: JobAnswer) => void;
  readonly #answerMaxBytes: number;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #status = 0;
  #headerLines = "";
  #settled = false;
  #reason: Promise<string> | null = null;
  extraLines = "";
  aborted = false;
  answered = false;
  onAbort: ((mayWait?: boolean) => void) | null = null;
  onDrain: (() => void) | null = null;
  onFinished: ((status: number, bodyBytes: number) => void) | null = null;

  constructor(request: JobRequest, payload: Uint8Array, answerMaxBytes: number) {
    this.method = request.method;
    this.target = request.target;
    this.headerBlock = request.headerBlock;
    this.host = request.host;
    this.secure = request.secure;
    this.remoteAddress = request.remoteAddress;
    this.body = payload.length === 0 ? NO_BODY : new WholeBody(payload, payload.length);
    this.#answerMaxBytes = answerMaxBytes;
    const { promise, resolve } = Promise.withResolvers<JobAnswer>();
    this.answer = promise;
    this.#resolve = resolve;
  }

  header(name: string): string | undefined {
    return headerPairs(this.headerBlock).find((pair) => pair[0].toLowerCase() === name)?.[1];
  }

  respond(status: number, headerLines: string, body: string | Uint8Array | null): void {
    if (this.aborted) return;
    this.start(status, headerLines);
    if (body !== null) this.write(typeof body === "string" ? Buffer.from(body) : body);
    this.end();
  }

  start(status: number, headerLines: string): void {
    if (this.aborted) return;
    this.answered = true;
    this.#status = status;
    this.#headerLines = headerLines;
    // What no listener would let pass must not be kept for one.
    if (responsePrefix(status, headerLines) === null) this.#break("it answered with an invalid status or header", true);
  }

  retract(): boolean {
    if (this.#settled || this.#bytes > 0) return false;
    this.answered = false;
    return true;
  }

  tellReason(reason: Promise<string>): null {
    this.#reason = reason;
    return null;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#settled) return true;
    this.#bytes += chunk.length;
    if (this.#bytes > this.#answerMaxBytes) this.#break(`its answer is larger than the ${this.#answerMaxBytes} bytes that are kept`, false);
    // A copy, for the buffer is used again; a Buffer's own slice would be none.
    else this.#chunks.push(new Uint8Array(chunk));
    return true;
  }

  /** There is no socket. */
  sendFile(): null {
    return null;
  }

  end(): void {
    if (this.#settled) return;
    const body = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    this.#settle({ kind: "answered", status: this.#status, headerLines: this.#headerLines, body, reason: null });
  }

  destroy(): void {
    this.#break("its answer broke off", true);
  }

  /** Nobody waits for it any more: the server stops, or another has the job. */
  abort(reason: string): void {
    this.#cutShort({ kind: "aborted", reason });
  }

  #break(reason: string, again: boolean): void {
    this.#cutShort({ kind: "broken", reason, again });
  }

  #cutShort(answer: JobAnswer): void {
    if (this.#settled) return;
    this.aborted = true;
    const { onAbort } = this;
    this.onAbort = null;
    this.#settle(answer);
    onAbort?.();
  }

  #settle(answer: JobAnswer): void {
    this.#settled = true;
    this.#chunks = [];
    this.onFinished?.(this.#status, this.#bytes);
    if (this.#reason === null || answer.kind === "aborted") this.#resolve(answer);
    else void this.#reason.then((reason) => this.#resolve({ ...answer, reason }));
  }
}
