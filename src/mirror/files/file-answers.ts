/**
 * File answers: an artifact to one client, from wherever it is: memory, the
 * store, the folder of packages, or a transfer that is under way or begins
 * now. Conditions, ranges and HEAD are the same for all of them.
 */
import type { Exchange } from "../../http/exchange.ts";
import type { ContentReader, ContentStore, StoredContent } from "../../store/content/content-store.ts";
import type { Artifact } from "../artifact.ts";
import type { MirrorFailure } from "../failures.ts";
import type { CacheOutcome } from "../pages/pages.ts";
import type { ContentLinks } from "./content-links.ts";
import { type FilePlan, planFile } from "./file-plan.ts";
import { openFolderFile } from "./folder-file.ts";
import { relay } from "./relay.ts";
import { SendBuffers } from "./send-buffers.ts";
import { sendContent, sendTransfer } from "./send-file.ts";
import { SMALL_FILE_MAX_BYTES, SmallFiles } from "./small-files.ts";
import type { Transfer } from "./transfer.ts";
import type { DownloadEvent } from "./transfer-source.ts";
import type { Transfers } from "./transfers.ts";

/** Nobody changes what lies under a file's name: its page would name another hash. */
const IMMUTABLE_LINE = "cache-control: public, max-age=31536000, immutable\r\n";
const STORE_FAULTS: ReadonlySet<MirrorFailure["code"]> = new Set(["BUSY", "STORAGE_FULL", "STORAGE_FAILED"]);
/** Provenance is not bound to a hash and may be written anew. */
const REVALIDATE_LINE = "cache-control: no-cache\r\n";

export interface FileAnswersOptions {
  readonly store: ContentStore;
  readonly transfers: Transfers;
  readonly links: ContentLinks;
  readonly binaryMimeType: boolean;
  readonly offline: boolean;
  /** For the counters: how an answer came about, its bytes, and whether upstream was spared a request. */
  readonly onServed: (artifact: Artifact, outcome: CacheOutcome, bytes: number, isSpared: boolean) => void;
  /** Upstream's bytes in the order of the file, for what can't be kept. */
  readonly download: (artifact: Artifact) => AsyncIterable<DownloadEvent>;
  readonly onUnkept: (artifact: Artifact, failure: MirrorFailure) => void;
}

export class FileAnswers {
  readonly #options: FileAnswersOptions;
  readonly #small = new SmallFiles();
  readonly #buffers = new SendBuffers();

  constructor(options: FileAnswersOptions) {
    this.#options = options;
  }

  /** Answers at once when the bytes are in memory: no turn of the event loop. */
  answerFromMemory(exchange: Exchange, artifact: Artifact): boolean {
    const sha256 = artifact.hashes["sha256"];
    const bytes = sha256 === undefined ? undefined : this.#small.get(sha256);
    if (sha256 === undefined || bytes === undefined) return false;
    this.#options.store.touch(sha256);
    this.#respond(exchange, artifact, { sha256, sizeBytes: bytes.length }, bytes);
    return true;
  }

  /** Null when the exchange is answered or broken off; a failure is the caller's to tell. */
  async answer(exchange: Exchange, artifact: Artifact): Promise<MirrorFailure | null> {
    if (this.answerFromMemory(exchange, artifact)) return null;
    if (artifact.source.kind === "folder") return this.#answerFromFolder(exchange, artifact, artifact.source.path);
    const stored = await this.#openStored(artifact, artifact.source.url);
    if (stored !== null) return this.#answerStored(exchange, artifact, stored.sha256, stored.reader);
    if (this.#options.offline) return { code: "OFFLINE", what: artifact.filename };
    if (exchange.method === "HEAD" && artifact.sizeBytes !== null && this.#options.transfers.find(artifact) === undefined) {
      this.#answerHead(exchange, artifact, artifact.sizeBytes);
      return null;
    }
    const isJoiner = this.#options.transfers.find(artifact) !== undefined;
    return this.#answerTransfer(exchange, artifact, this.#options.transfers.join(artifact), isJoiner);
  }

  /** Its content is fetched anew by the next request. */
  async drop({ hashes, source }: Artifact): Promise<MirrorFailure | null> {
    if (source.kind === "folder") return null;
    const sha256 = hashes["sha256"] ?? (await this.#options.links.sha256At(source.url));
    if (sha256 === null) return null;
    this.#small.delete(sha256);
    const removed = await this.#options.store.remove(sha256);
    return removed.ok ? null : removed.failure;
  }

  /** Null when nothing is stored. A store that can't give it is no reason to fail while upstream can. */
  async #openStored(artifact: Artifact, url: string): Promise<{ sha256: string; reader: ContentReader } | null> {
    const sha256 = artifact.hashes["sha256"] ?? (await this.#options.links.sha256At(url));
    if (sha256 === null) return null;
    const opened = await this.#options.store.open(sha256);
    return opened.ok && opened.value !== null ? { sha256, reader: opened.value } : null;
  }

  async #answerStored(exchange: Exchange, artifact: Artifact, sha256: string, reader: ContentReader): Promise<null> {
    const content = { sha256, sizeBytes: reader.sizeBytes };
    try {
      if (content.sizeBytes <= SMALL_FILE_MAX_BYTES) {
        const bytes = await whole(reader);
        this.#small.set(content.sha256, bytes);
        this.#respond(exchange, artifact, content, bytes);
      } else {
        await this.#send(exchange, artifact, content, reader);
      }
    } catch {
      this.#options.store.suspect(content.sha256);
      exchange.destroy();
    } finally {
      await reader.close();
    }
    return null;
  }

  async #answerFromFolder(exchange: Exchange, artifact: Artifact, path: string): Promise<MirrorFailure | null> {
    const opened = await openFolderFile(path);
    if (!opened.ok) return opened.failure;
    const reader = opened.value;
    try {
      // A file that was replaced since its page was made has another hash: no tag is better than a wrong one.
      const isAsListed = reader.sizeBytes === artifact.sizeBytes;
      const content = { sha256: isAsListed ? (artifact.hashes["sha256"] ?? "") : "", sizeBytes: reader.sizeBytes };
      await this.#send(exchange, artifact, content, reader);
      return null;
    } finally {
      await reader.close();
    }
  }

  async #send(exchange: Exchange, artifact: Artifact, content: StoredContent, reader: ContentReader): Promise<void> {
    const plan = this.#plan(exchange, content.sha256 === "" ? null : content.sha256, content.sizeBytes);
    if (plan.do !== "send") return this.#refuse(exchange, artifact, plan, content);
    const lines = this.#lines(artifact, content.sha256, "hit") + rangeLine(plan, content.sizeBytes);
    const length = plan.end - plan.start;
    this.#options.onServed(artifact, "hit", exchange.method === "HEAD" ? 0 : length, true);
    exchange.start(plan.status, lines, length);
    if (exchange.method === "HEAD") exchange.end();
    else await sendContent(exchange, reader, plan.start, plan.end, this.#buffers);
  }

  #respond(exchange: Exchange, artifact: Artifact, content: StoredContent, bytes: Uint8Array): void {
    const plan = this.#plan(exchange, content.sha256, content.sizeBytes);
    if (plan.do !== "send") {
      this.#refuse(exchange, artifact, plan, content);
      return;
    }
    const isHead = exchange.method === "HEAD";
    const lines = this.#lines(artifact, content.sha256, "hit") + rangeLine(plan, content.sizeBytes);
    this.#options.onServed(artifact, "hit", isHead ? 0 : plan.end - plan.start, true);
    exchange.respond(plan.status, lines, plan.status === 200 ? bytes : bytes.subarray(plan.start, plan.end));
  }

  /** Its size is known from the index: nobody need fetch it to say so. */
  #answerHead(exchange: Exchange, artifact: Artifact, sizeBytes: number): void {
    this.#options.onServed(artifact, "hit", 0, true);
    exchange.start(200, this.#lines(artifact, artifact.hashes["sha256"] ?? "", "hit"), sizeBytes);
    exchange.end();
  }

  async #answerTransfer(exchange: Exchange, artifact: Artifact, transfer: Transfer, isJoiner: boolean): Promise<MirrorFailure | null> {
    // Nothing is said before there is something to say: until then a failure has a status of its own.
    while (!exchange.aborted && !isReady(transfer, exchange)) await transfer.changed();
    if (exchange.aborted) return null;
    if (transfer.failure !== null) return this.#answerFailed(exchange, artifact, transfer.failure);
    const sha256 = artifact.hashes["sha256"] ?? transfer.content?.sha256 ?? "";
    const { totalBytes } = transfer;
    const outcome = isJoiner && transfer.content !== null ? "hit" : "miss";
    const lines = this.#lines(artifact, sha256, outcome);
    if (totalBytes === null) {
      // Upstream tells no size before the end: chunks, and no ranges.
      this.#options.onServed(artifact, outcome, 0, isJoiner);
      exchange.start(200, lines, null);
      if (exchange.method === "HEAD") exchange.end();
      else await sendTransfer(exchange, transfer, 0, null, this.#buffers);
      return null;
    }
    const plan = this.#plan(exchange, sha256 === "" ? null : sha256, totalBytes);
    if (plan.do !== "send") {
      this.#refuse(exchange, artifact, plan, { sha256, sizeBytes: totalBytes });
      return null;
    }
    const length = plan.end - plan.start;
    this.#options.onServed(artifact, outcome, exchange.method === "HEAD" ? 0 : length, isJoiner);
    exchange.start(plan.status, lines + rangeLine(plan, totalBytes), length);
    if (exchange.method === "HEAD") exchange.end();
    else await sendTransfer(exchange, transfer, plan.start, plan.end, this.#buffers);
    return null;
  }

  /** A disk that takes no more is no reason to send an installer away. */
  async #answerFailed(exchange: Exchange, artifact: Artifact, failure: MirrorFailure): Promise<MirrorFailure | null> {
    if (!STORE_FAULTS.has(failure.code) || exchange.method !== "GET") return failure;
    this.#options.onUnkept(artifact, failure);
    this.#options.onServed(artifact, "miss", artifact.sizeBytes ?? 0, false);
    return relay(exchange, artifact, this.#lines(artifact, artifact.hashes["sha256"] ?? "", "miss"), this.#options.download(artifact));
  }

  #plan(exchange: Exchange, sha256: string | null, sizeBytes: number): FilePlan {
    const conditions = {
      method: exchange.method,
      noneMatch: exchange.header("if-none-match"),
      range: exchange.header("range"),
      ifRange: exchange.header("if-range"),
    };
    return planFile(conditions, sha256 === null ? null : `"${sha256}"`, sizeBytes);
  }

  #refuse(exchange: Exchange, artifact: Artifact, plan: FilePlan, { sha256, sizeBytes }: StoredContent): void {
    this.#options.onServed(artifact, "hit", 0, true);
    if (plan.do === "not-modified") exchange.respond(304, this.#validators(artifact, sha256), null);
    else exchange.respond(416, `content-range: bytes */${sizeBytes}\r\n`, null);
  }

  #validators(artifact: Artifact, sha256: string): string {
    const cache = artifact.kind === "provenance" ? REVALIDATE_LINE : IMMUTABLE_LINE;
    return sha256 === "" ? cache : `etag: "${sha256}"\r\n${cache}`;
  }

  #lines(artifact: Artifact, sha256: string, outcome: CacheOutcome): string {
    const type = this.#options.binaryMimeType ? "application/octet-stream" : typeOf(artifact);
    return `content-type: ${type}\r\naccept-ranges: bytes\r\n${this.#validators(artifact, sha256)}x-cache: ${outcome}\r\n`;
  }
}

/** The size for HEAD; bytes for all others, and the size as well where a range is wanted; or the end. */
function isReady({ failure, content, releasedBytes, totalBytes }: Transfer, exchange: Exchange): boolean {
  if (failure !== null || content !== null) return true;
  if (exchange.method === "HEAD") return totalBytes !== null;
  // An index that told the size has not yet begun to send: a range may be the first that is asked for.
  return releasedBytes > 0 && (totalBytes !== null || exchange.header("range") === undefined);
}

function rangeLine(plan: Extract<FilePlan, { do: "send" }>, sizeBytes: number): string {
  return plan.status === 206 ? `content-range: bytes ${plan.start}-${plan.end - 1}/${sizeBytes}\r\n` : "";
}

/** By the name. A compressed archive is content of its own type, never a coding of another (proxpi's issue 67). */
function typeOf({ kind, filename }: Artifact): string {
  if (kind === "metadata") return "text/plain; charset=utf-8";
  if (kind === "provenance") return "application/vnd.pypi.integrity.v1+json";
  if (kind === "signature") return "application/pgp-signature";
  if (/\.(?:tar\.gz|tgz)$/i.test(filename)) return "application/gzip";
  return filename.toLowerCase().endsWith(".zip") ? "application/zip" : "application/octet-stream";
}

async function whole(reader: ContentReader): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of reader.stream(0, reader.sizeBytes)) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  if (bytes.length !== reader.sizeBytes) throw new Error("the content ends before its size");
  return bytes;
}
