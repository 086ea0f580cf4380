/**
 * Upstream: how the mirror asks an index. Whoever implements it follows
 * redirects, adds the index's credentials where they belong and nowhere else,
 * retries what may pass, and keeps to every limit of UpstreamConfig.
 */
import type { Result } from "../../base/result.ts";
import type { UpstreamFailure } from "../failures.ts";

export interface UpstreamRequest {
  readonly method: "GET" | "HEAD";
  /** Name of the index it is asked for: its credentials, its health. */
  readonly index: string;
  /** Absolute, without credentials. */
  readonly url: string;
  /** Further request headers in lower case: accept, accept-encoding, if-none-match, range, if-range. */
  readonly headers: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface UpstreamAnswer {
  /** 200, 206, 304, 404, 410 or 416: every other status is a failure. */
  readonly status: number;
  /** Where the last redirect led, without credentials: what relative links count from. */
  readonly url: string;
  /** Of a header by its name in lower case; several of one name are joined by ", ". */
  header(name: string): string | null;
  /** The content as it was sent, coded or not. Throws an UpstreamError when it breaks off; leaving the loop ends the request. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Drops the body unread. */
  discard(): void;
}

export interface IndexHealth {
  readonly index: string;
  readonly failuresInARow: number;
  /** What the last failed attempt met; null after a success. */
  readonly lastFailure: UpstreamFailure | null;
  readonly lastSuccessAtMs: number | null;
  readonly requestCount: number;
  readonly receivedBytes: number;
}

export interface Upstream {
  request(request: UpstreamRequest): Promise<Result<UpstreamAnswer, UpstreamFailure>>;
  health(): readonly IndexHealth[];
  close(): Promise<void>;
}

export class UpstreamError extends Error {
  override readonly name = "UpstreamError";
  readonly failure: UpstreamFailure;

  constructor(failure: UpstreamFailure) {
    super(failure.code);
    this.failure = failure;
  }
}
