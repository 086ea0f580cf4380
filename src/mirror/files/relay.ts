/**
 * Relay: upstream's answer passed on to one client without being kept, for when
 * the disk takes no more. It is verified all the same: the last block waits for
 * the hash. One client, one request to upstream: the price of a full disk.
 */
import { builtin } from "../../base/builtin.ts";
import type { Exchange } from "../../http/exchange.ts";
import type { Artifact } from "../artifact.ts";
import type { MirrorFailure } from "../failures.ts";
import { UpstreamError } from "../upstream/upstream.ts";
import { Digest } from "./digest.ts";
import { drained, type SentPart } from "./send-file.ts";
import { shownSource } from "./shown-source.ts";
import { WITHHELD_BYTES } from "./transfer.ts";
import type { DownloadEvent } from "./transfer-source.ts";

/**
 * Null when the exchange is answered or broken off. `events` must come in the
 * order of the file. `sent` of it the client has already, from a transfer that
 * could go no further: the same content goes on behind it, or nothing does.
 */
export async function relay(
  exchange: Exchange,
  artifact: Artifact,
  headerLines: string,
  events: AsyncIterable<DownloadEvent>,
  sent: SentPart | null = null,
): Promise<MirrorFailure | null> {
  const url = shownSource(artifact);
  const digest = new Digest(artifact.hashes);
  const held = new HeldBack(exchange, headerLines, artifact.sizeBytes, sent?.sizeBytes ?? 0);
  const known = sent === null ? null : new KnownPart(sent);
  try {
    for await (const event of events) {
      if (exchange.aborted) return null;
      if (event.kind === "restart")
        return held.giveUp({ code: "UPSTREAM_TRUNCATED", url, gotBytes: held.takenBytes, wantedBytes: held.totalBytes });
      if (event.kind === "size") {
        held.totalBytes ??= event.totalBytes;
        continue;
      }
      digest.update(event.bytes);
      if (known?.isContradictedBy(event.bytes) === true)
        return held.giveUp({ code: "UPSTREAM_MALFORMED", url, reason: "it is another file than it was a moment ago" });
      await held.take(event.bytes);
    }
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    return held.giveUp(error.failure);
  }
  const { mismatch } = digest.finish();
  if (mismatch !== null) return held.giveUp({ code: "UPSTREAM_DIGEST_MISMATCH", url, ...mismatch });
  held.finish();
  return null;
}

/** What the client has was never verified as a whole: what goes on behind it must begin with the very same. */
class KnownPart {
  readonly #sha256: string;
  readonly #hash = builtin.crypto.createHash("sha256");
  #leftBytes: number;

  constructor({ sizeBytes, sha256 }: SentPart) {
    this.#leftBytes = sizeBytes;
    this.#sha256 = sha256;
  }

  /** Asked of each chunk in order; known with the chunk that completes the part. */
  isContradictedBy(bytes: Uint8Array): boolean {
    if (this.#leftBytes === 0) return false;
    const part = bytes.subarray(0, this.#leftBytes);
    this.#hash.update(part);
    this.#leftBytes -= part.length;
    return this.#leftBytes === 0 && this.#hash.digest("hex") !== this.#sha256;
  }
}

class HeldBack {
  totalBytes: number | null;
  takenBytes = 0;
  readonly #exchange: Exchange;
  readonly #headerLines: string;
  #chunks: Uint8Array[] = [];
  #heldBytes = 0;
  /** What the client has already. */
  #surplusBytes: number;

  constructor(exchange: Exchange, headerLines: string, totalBytes: number | null, sentBytes: number) {
    this.#exchange = exchange;
    this.#headerLines = headerLines;
    this.totalBytes = totalBytes;
    this.#surplusBytes = sentBytes;
  }

  /** Sends what came before the last block; waits for a slow client. */
  async take(bytes: Uint8Array): Promise<void> {
    this.takenBytes += bytes.length;
    this.#chunks.push(bytes);
    this.#heldBytes += bytes.length;
    while (this.#chunks.length > 1 && this.#heldBytes - (this.#chunks[0] as Uint8Array).length >= WITHHELD_BYTES) {
      const chunk = this.#chunks.shift() as Uint8Array;
      this.#heldBytes -= chunk.length;
      this.#begin();
      if (!this.#write(chunk)) await drained(this.#exchange);
    }
  }

  finish(): void {
    this.totalBytes ??= this.#exchange.answered ? null : this.takenBytes;
    this.#begin();
    for (const chunk of this.#chunks) this.#write(chunk);
    this.#exchange.end();
  }

  #write(chunk: Uint8Array): boolean {
    const known = Math.min(this.#surplusBytes, chunk.length);
    this.#surplusBytes -= known;
    return this.#exchange.write(chunk.subarray(known));
  }

  /** The failure when the client can still be told; else the connection breaks. */
  giveUp(failure: MirrorFailure): MirrorFailure | null {
    if (!this.#exchange.answered) return failure;
    this.#exchange.destroy();
    return null;
  }

  #begin(): void {
    if (!this.#exchange.answered) this.#exchange.start(200, this.#headerLines, this.totalBytes);
  }
}
