/** Types of pilotlight.mjs, the client of process functions in Node. */

/** One call. Its body is whole when the handler sees it. */
export interface ProcessRequest {
  readonly method: string;
  /** As in the request line: "/orders?page=2". */
  readonly target: string;
  /** Without the query; still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Absolute, by the Host header. */
  readonly url: string;
  readonly headers: Headers;
  /** What stands for [name] in the function's route. */
  readonly params: Readonly<Record<string, string>>;
  readonly requestId: string;
  readonly body: Buffer;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  readonly isCancelled: boolean;
  bytes(): Promise<Buffer>;
  arrayBuffer(): Promise<ArrayBuffer>;
  text(): Promise<string>;
  json(): Promise<unknown>;
  formData(): Promise<FormData>;
}

/** What is sent as it is, as JSON, or, chunk by chunk, as it comes. */
export type AnswerBody = string | Uint8Array | ArrayBuffer | AsyncIterable<string | Uint8Array> | object | number | boolean;

/** An answer with a status and headers. Cheaper than a global Response, which a handler may return as well. */
export class Answer {
  constructor(
    body?: AnswerBody | null,
    init?: { status?: number; headers?: Record<string, string> | Iterable<readonly [name: string, value: string]> },
  );
  readonly status: number;
  readonly headers: Record<string, string> | Iterable<readonly [name: string, value: string]>;
  readonly body: AnswerBody | null;
}

export type HandlerAnswer = Answer | Response | AnswerBody;
export type ProcessHandler = (request: ProcessRequest) => HandlerAnswer | Promise<HandlerAnswer>;

export interface ServeOptions {
  /** Calls at a time; 16. The server gives no more, and may give fewer. */
  concurrency?: number;
  /** A longer request body is answered with 413; 64 MiB. */
  bodyMax?: number;
}

/** Answers calls until the server says stop; then the process exits with 0. What a handler throws is logged, and its call answered with 500. */
export function serve(handler: ProcessHandler | { fetch: ProcessHandler }, options?: ServeOptions): void;
