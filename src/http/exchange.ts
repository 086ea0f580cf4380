/**
 * Exchange: one request and the single answer it will get, as the listener
 * hands it up. The listener has checked the framing and every limit; whoever
 * holds the exchange answers exactly once, by `respond` or by `start`, `write`
 * and `end`.
 */
export interface Exchange {
  readonly method: string;
  /** Request target as sent: path and query ("/a?b=c"). Absolute-form targets arrive reduced to this. */
  readonly target: string;
  /** Header lines as sent ("Name: value\r\n" each), latin1, framing validated, folding refused. */
  readonly headerBlock: string;
  /** Value of the Host header, validated; "" for HTTP/1.0 without one. */
  readonly host: string;
  readonly secure: boolean;
  /** It may ask for an answer later: a Prefer (RFC 7240) or X-Gojinn-Async line is there. Known without a scan. */
  readonly hasPreference: boolean;
  readonly remoteAddress: string;
  /** First value of a request header, or undefined. `name` in lower case. Scans: not for the hot path. */
  header(name: string): string | undefined;

  readonly body: RequestBody;

  /** The client went away or the exchange was destroyed; answers are dropped silently. */
  readonly aborted: boolean;
  /**
   * Called when the client goes away before the answer is complete; with true
   * when it only ended its side: it may be gone, or wait for the answer.
   */
  onAbort: ((mayWait?: boolean) => void) | null;
  /** Header lines added to whatever answer is given, refusals included (CORS). */
  extraLines: string;
  /** An answer was begun (respond or start). */
  readonly answered: boolean;

  /**
   * The whole answer in one socket write. `headerLines` are "name: value\r\n"
   * lines without date, connection or framing headers; the listener adds those
   * (content-length always; HEAD sends none of the body).
   */
  respond(status: number, headerLines: string, body: string | Uint8Array | null): void;

  /** Begins a streamed answer: chunked unless `contentLength` is given. */
  start(status: number, headerLines: string, contentLength: number | null): void;
  /** Takes back an answer that was started while nothing of it has left; true when another may be given. */
  retract(): boolean;
  /** False when the client is slow: wait for `onDrain` before writing more. */
  write(chunk: Uint8Array): boolean;
  onDrain: (() => void) | null;
  /**
   * Sends bytes from `start` to before `end` of an open file as content of a
   * started answer that declared its length, by the kernel. Null where that
   * can't be (TLS, another system): read and write instead. Resolves with where
   * it stopped; before `end` the caller reads and writes what comes next, and
   * may call again behind it. The file stays open until then, and nothing else
   * is written.
   */
  sendFile(fd: number, start: number, end: number): Promise<number> | null;
  end(): void;
  /** Ends the connection because the answer can't be completed; the client sees a broken transfer, never a short success. */
  destroy(): void;

  /**
   * Why there is no answer but one of ours, before that is given: for an operator, never for a client, whom it
   * would tell what is inside. The first line says it, frames may follow. Absent where nobody keeps it. Where it
   * returns a promise, the answer is given when that is settled: it takes the reason along.
   */
  tellReason?(reason: Promise<string>): Promise<void> | null;

  /** Called once when the answer was handed to the socket whole, or failed; for metrics and logs. */
  onFinished: ((status: number, bodyBytes: number) => void) | null;
}

/**
 * A request body. `whole` is set when all of it had arrived with the head or
 * nothing follows (then null means no body); otherwise it is read by chunks.
 */
export interface RequestBody {
  /** True when no more bytes will come: `whole` is the body. */
  readonly complete: boolean;
  readonly whole: Uint8Array | null;
  /** Declared length, or null when chunked. */
  readonly length: number | null;
  /**
   * Pull-based reading with back-pressure: one chunk per call, null at the end,
   * rejects with a Failure-coded error (BODY_TOO_LARGE, BODY_TIMEOUT,
   * BODY_ABORTED). One read at a time. The first read sends 100-continue when
   * the client waits for it.
   */
  read(): Promise<Uint8Array | null>;
  /** Reads the rest into one array; resolves null when there is no body. */
  readAll(): Promise<Uint8Array | null>;
}
