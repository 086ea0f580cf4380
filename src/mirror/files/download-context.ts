/**
 * What all requests of one download share: whom to ask, what the file must be,
 * and how long to be patient. The checks here refuse before a byte is taken
 * what could only fail later: a size that is not the promised one, a file above
 * the limit, a coding that was not asked for.
 */
import { assert } from "../../base/assert.ts";
import type { Result } from "../../base/result.ts";
import { shownAddress } from "../../base/shown-address.ts";
import { KIB } from "../../base/units.ts";
import type { UpstreamConfig } from "../../config/mirror-config.ts";
import type { Artifact } from "../artifact.ts";
import type { UpstreamFailure } from "../failures.ts";
import { pause, type Sleep } from "../upstream/pause.ts";
import { retryDelayMs } from "../upstream/retry.ts";
import { type Upstream, type UpstreamAnswer, UpstreamError } from "../upstream/upstream.ts";
import { promiseOf } from "./digest.ts";
import type { DownloadStart } from "./resume.ts";

/** An attempt that brings less is no progress: else a server could hand out a file byte by connection. */
const PROGRESS_MIN_BYTES = 64 * KIB;

export interface DownloadOptions {
  readonly upstream: Upstream;
  /** Its source is an index. */
  readonly artifact: Artifact;
  readonly limits: Pick<UpstreamConfig, "retriesMax" | "retryDelayMs" | "parallelRanges" | "fileMaxBytes">;
  readonly signal: AbortSignal;
  /** What is there from before; only of a file whose hash is promised. Null is the same as none. */
  readonly from?: DownloadStart | null;
  /** The world, for tests. */
  readonly sleep?: Sleep;
  readonly random?: () => number;
  /** A file is split only above this; 32 MiB unless given. */
  readonly splitAboveBytes?: number;
}

/** File names that end so are themselves of the coding: some servers announce it, and send the file as it is. */
const OWN_CODING: readonly (readonly [RegExp, RegExp])[] = [
  [/\.(?:gz|tgz)$/, /^(?:x-)?gzip$/],
  [/\.(?:bz2|tbz)$/, /^(?:x-)?bzip2$/],
  [/\.(?:xz|txz)$/, /^(?:x-)?xz$/],
  [/\.zst$/, /^zstd$/],
  [/\.Z$/, /^(?:x-)?compress$/],
];

export class DownloadContext {
  /** As failures show it. */
  readonly url: string;
  readonly signal: AbortSignal;
  readonly isVerified: boolean;
  readonly #options: DownloadOptions;

  constructor(options: DownloadOptions, signal: AbortSignal) {
    const { artifact } = options;
    assert(artifact.source.kind === "index", "only what an index has is downloaded");
    this.#options = options;
    this.signal = signal;
    this.url = shownAddress(artifact.source.url);
    this.isVerified = promiseOf(artifact.hashes) !== null;
  }

  get sizeBytes(): number | null {
    return this.#options.artifact.sizeBytes;
  }

  ask(headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Result<UpstreamAnswer, UpstreamFailure>> {
    const { upstream, artifact } = this.#options;
    assert(artifact.source.kind === "index", "only what an index has is downloaded");
    return upstream.request({
      method: "GET",
      index: artifact.source.index,
      url: artifact.source.url,
      headers: { accept: "*/*", "accept-encoding": "identity", ...headers },
      signal,
    });
  }

  patience(signal: AbortSignal): Patience {
    return new Patience(this.#options, signal);
  }

  /** Throws when the answer's body can't be the file; the body is dropped then. */
  checkHead(answer: UpstreamAnswer, totalBytes: number | null): void {
    try {
      this.#checkCoding(answer);
      if (totalBytes !== null) this.checkTotal(totalBytes);
    } catch (error) {
      answer.discard();
      throw error;
    }
  }

  /** Throws when the whole can't have so many bytes. */
  checkTotal(totalBytes: number): void {
    const { sizeBytes } = this;
    if (sizeBytes !== null && totalBytes !== sizeBytes) {
      throw new UpstreamError({ code: "UPSTREAM_SIZE_MISMATCH", url: this.url, wantedBytes: sizeBytes, gotBytes: totalBytes });
    }
    this.checkSoFar(totalBytes);
  }

  /** Throws when so many bytes are more than there can be. */
  checkSoFar(bytes: number): void {
    const { sizeBytes } = this;
    const { fileMaxBytes } = this.#options.limits;
    if (bytes > fileMaxBytes) throw new UpstreamError({ code: "UPSTREAM_TOO_LARGE", url: this.url, maxBytes: fileMaxBytes });
    if (sizeBytes !== null && bytes > sizeBytes) {
      throw new UpstreamError({ code: "UPSTREAM_SIZE_MISMATCH", url: this.url, wantedBytes: sizeBytes, gotBytes: bytes });
    }
  }

  /** What an answer that is of no use is thrown as. */
  refused(because: { readonly status: number } | { readonly reason: string }): UpstreamError {
    if ("reason" in because) return new UpstreamError({ code: "UPSTREAM_MALFORMED", url: this.url, reason: because.reason });
    return new UpstreamError({ code: "UPSTREAM_STATUS", url: this.url, status: because.status, retryAfterMs: null });
  }

  truncated(gotBytes: number, wantedBytes: number | null): UpstreamFailure {
    return { code: "UPSTREAM_TRUNCATED", url: this.url, gotBytes, wantedBytes };
  }

  #checkCoding(answer: UpstreamAnswer): void {
    const coding = (answer.header("content-encoding") ?? "").toLowerCase();
    const { filename } = this.#options.artifact;
    if (coding === "" || coding === "identity" || OWN_CODING.some(([name, own]) => name.test(filename) && own.test(coding))) return;
    throw this.refused({ reason: `it came with content-encoding ${coding.slice(0, 40)}, which was not asked for` });
  }
}

/** How often in a row a transfer may break off without having brought anything worth while. */
export class Patience {
  readonly #options: DownloadOptions;
  readonly #signal: AbortSignal;
  #fruitlessCount = 0;
  #gainedBytes = 0;

  constructor(options: DownloadOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  gained(bytes: number): void {
    this.#gainedBytes += bytes;
    if (this.#gainedBytes >= PROGRESS_MIN_BYTES) this.#fruitlessCount = 0;
  }

  /** Waits before the next attempt; throws the failure when there were enough. */
  async after(failure: UpstreamFailure): Promise<void> {
    const { limits, random = Math.random, sleep = null } = this.#options;
    this.#gainedBytes = 0;
    this.#fruitlessCount++;
    const delayMs = retryDelayMs(failure, this.#fruitlessCount, limits.retryDelayMs, random());
    if (this.#fruitlessCount > limits.retriesMax || delayMs === null) throw new UpstreamError(failure);
    await pause(delayMs, [this.#signal], sleep);
  }
}
