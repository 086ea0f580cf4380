/**
 * File answers: an artifact to one client, from wherever it is: memory, the
 * store, the folder of packages, or a transfer that is under way or begins
 * now. Conditions, ranges and HEAD are the same for all of them.
 */
import type { Exchange } from "../../http/exchange.ts";
import type { ContentReader, ContentStore } from "../../store/content/content-store.ts";
import type { Artifact } from "../artifact.ts";
import { isUpstreamFailure, type MirrorFailure } from "../failures.ts";
import type { FolderPlace } from "../packages/folder-url.ts";
import type { CacheOutcome } from "../pages/pages.ts";
import { type ContentLinks, storedHash } from "./content-links.ts";
import { promiseOf } from "./digest.ts";
import { fileLines, validatorLines } from "./file-lines.ts";
import { type FilePlan, planFile } from "./file-plan.ts";
import { openFolderFile } from "./folder-file.ts";
import { MissingFiles } from "./missing-files.ts";
import { relay } from "./relay.ts";
import { SendBuffers } from "./send-buffers.ts";
import { type SentPart, sendContent, sendTransfer } from "./send-file.ts";
import { SMALL_FILE_MAX_BYTES, SmallFiles } from "./small-files.ts";
import type { Transfer } from "./transfer.ts";
import type { DownloadEvent } from "./transfer-source.ts";
import type { Transfers } from "./transfers.ts";

const STORE_FAULTS: ReadonlySet<MirrorFailure["code"]> = new Set(["BUSY", "STORAGE_FULL", "STORAGE_FAILED"]);

export interface FileAnswersOptions {
  readonly store: ContentStore;
  readonly transfers: Transfers;
  readonly links: ContentLinks;
  readonly binaryMimeType: boolean;
  readonly offline: boolean;
  /** How long content without a promised hash is believed to be still what its index has. */
  readonly linkTtlMs: (index: string) => number;
  /** How long an index is believed that it has no metadata, signature or provenance of a file. */
  readonly negativeTtlMs: number;
  readonly nowMs: () => number;
  /** For the counters: how an answer came about, the bytes that were sent, and whether upstream was spared a request. */
  readonly onServed: (artifact: Artifact, outcome: CacheOutcome, bytes: number, isSpared: boolean) => void;
  /** Upstream's bytes in the order of the file, for what can't be kept. */
  readonly download: (artifact: Artifact) => AsyncIterable<DownloadEvent>;
  readonly onUnkept: (artifact: Artifact, failure: MirrorFailure) => void;
}

/** What is about to be answered, and how it was had. */
interface Answer {
  readonly artifact: Artifact;
  /** Null where the content is not known well enough to have a tag. */
  readonly sha256: string | null;
  readonly outcome: CacheOutcome;
  readonly isSpared: boolean;
}

interface Stored {
  readonly sha256: string;
  /** False when its index may have something else by now. */
  readonly isFresh: boolean;
  readonly reader: ContentReader;
}

export class FileAnswers {
  readonly #options: FileAnswersOptions;
  readonly #small = new SmallFiles();
  readonly #buffers = new SendBuffers();
  readonly #missing: MissingFiles;

  constructor(options: FileAnswersOptions) {
    this.#options = options;
    this.#missing = new MissingFiles(options.negativeTtlMs, options.nowMs);
  }

  /** Answers at once when the bytes are in memory: no turn of the event loop. */
  answerFromMemory(exchange: Exchange, artifact: Artifact): boolean {
    const sha256 = artifact.hashes["sha256"];
    const bytes = sha256 === undefined ? undefined : this.#small.get(sha256);
    if (sha256 === undefined || bytes === undefined) return false;
    this.#options.store.touch(sha256);
    this.#respond(exchange, { artifact, sha256, outcome: "hit", isSpared: true }, bytes);
    return true;
  }

  /** Null when the exchange is answered or broken off; a failure is the caller's to tell. */
  async answer(exchange: Exchange, artifact: Artifact): Promise<MirrorFailure | null> {
    if (this.answerFromMemory(exchange, artifact)) return null;
    if (artifact.source.kind === "folder") return this.#answerFromFolder(exchange, artifact, artifact.source);
    const stored = await this.#openStored(artifact, artifact.source.index);
    if (stored === null) return this.#answerFetched(exchange, artifact);
    try {
      if (stored.isFresh)
        return (await this.#answerStored(exchange, artifact, stored, "hit")) ? null : this.#answerFetched(exchange, artifact);
      const failure = await this.#answerFetched(exchange, artifact);
      if (failure === null || !isUpstreamFailure(failure)) return failure;
      // The index fails: what it had before is better than nothing.
      return (await this.#answerStored(exchange, artifact, stored, "stale")) ? null : failure;
    } finally {
      await stored.reader.close();
    }
  }

  /** Its content is fetched anew by the next request; whether that can be had is the caller's to know (last-copy.ts). */
  async drop(artifact: Artifact): Promise<MirrorFailure | null> {
    if (artifact.source.kind === "folder") return null;
    const sha256 = await storedHash(this.#options.links, artifact);
    if (sha256 === null) return null;
    this.#small.delete(sha256);
    const removed = await this.#options.store.remove(sha256);
    return removed.ok ? null : removed.failure;
  }

  /** The index is asked again for what it didn't have beside the project's files. */
  forgetMissing(project: string): void {
    this.#missing.forget(project);
  }

  /** Null when nothing is stored. A store that can't give it is no reason to fail while upstream can. */
  async #openStored(artifact: Artifact, index: string): Promise<Stored | null> {
    const { links, linkTtlMs, nowMs, offline, store } = this.#options;
    const promised = artifact.hashes["sha256"];
    const link = promised === undefined ? await links.at(artifact) : null;
    const sha256 = promised ?? link?.sha256;
    if (sha256 === undefined) return null;
    const opened = await store.open(sha256);
    if (!opened.ok || opened.value === null) return null;
    // A clock that was set back makes nothing fresh for ever.
    const isFresh =
      link === null || offline || promiseOf(artifact.hashes) !== null || Math.abs(nowMs() - link.linkedAtMs) <= linkTtlMs(index);
    return { sha256, isFresh, reader: opened.value };
  }

  /** False when it turned out unreadable before a byte was sent. */
  async #answerStored(exchange: Exchange, artifact: Artifact, { sha256, reader }: Stored, outcome: CacheOutcome): Promise<boolean> {
    const answer = { artifact, sha256, outcome, isSpared: true };
    try {
      if (reader.sizeBytes <= SMALL_FILE_MAX_BYTES) {
        const bytes = await whole(reader);
        if (artifact.hashes["sha256"] !== undefined) this.#small.set(sha256, bytes);
        this.#respond(exchange, answer, bytes);
      } else {
        await this.#send(exchange, answer, reader);
      }
    } catch {
      this.#options.store.suspect(sha256);
      if (!exchange.answered) return false;
      exchange.destroy();
    }
    return true;
  }

  async #answerFromFolder(exchange: Exchange, artifact: Artifact, place: FolderPlace): Promise<MirrorFailure | null> {
    const opened = await openFolderFile(place);
    if (!opened.ok) return opened.failure;
    const { project, filename, hashes } = artifact;
    if (opened.value === "gone") return { code: "NO_SUCH_FILE", project, filename };
    if (opened.value === "changed") return { code: "FILE_CHANGED", filename };
    try {
      await this.#send(exchange, { artifact, sha256: hashes["sha256"] ?? null, outcome: "hit", isSpared: false }, opened.value);
    } catch {
      exchange.destroy();
    } finally {
      await opened.value.close();
    }
    return null;
  }

  async #answerFetched(exchange: Exchange, artifact: Artifact): Promise<MirrorFailure | null> {
    const { transfers, offline } = this.#options;
    if (offline) return { code: "OFFLINE", what: artifact.filename };
    const missing = this.#missing.recent(artifact);
    if (missing !== null) return missing;
    const isJoiner = transfers.find(artifact) !== undefined;
    if (exchange.method === "HEAD" && artifact.sizeBytes !== null && !isJoiner) {
      // Its size is known from the index: nobody need fetch it to say so.
      this.#start(
        exchange,
        { artifact, sha256: artifact.hashes["sha256"] ?? null, outcome: "miss", isSpared: true },
        200,
        artifact.sizeBytes,
      );
      exchange.end();
      return null;
    }
    const transfer = transfers.join(artifact);
    try {
      return await this.#answerTransfer(exchange, artifact, transfer, isJoiner);
    } finally {
      transfer.leave();
    }
  }

  async #answerTransfer(exchange: Exchange, artifact: Artifact, transfer: Transfer, isJoiner: boolean): Promise<MirrorFailure | null> {
    // Nothing is said before there is something to say: until then a failure has a status of its own.
    while (!exchange.aborted && !isReady(transfer, exchange)) await transfer.changed();
    if (exchange.aborted) return null;
    if (transfer.failure !== null) {
      this.#missing.note(artifact, transfer.failure);
      return this.#answerFailed(exchange, artifact, transfer.failure);
    }
    const { content, totalBytes } = transfer;
    const sha256 = artifact.hashes["sha256"] ?? content?.sha256 ?? null;
    const answer: Answer = { artifact, sha256, outcome: isJoiner && content !== null ? "hit" : "miss", isSpared: isJoiner };
    // Where upstream tells no size before the end: chunks, and no ranges.
    const plan: FilePlan =
      totalBytes === null
        ? { do: "send", status: 200, start: 0, end: Number.POSITIVE_INFINITY }
        : planFile(conditionsOf(exchange), tagOf(sha256), totalBytes);
    if (plan.do !== "send") {
      this.#refuse(exchange, answer, plan, totalBytes ?? 0);
      return null;
    }
    this.#startPlan(exchange, answer, plan, totalBytes);
    if (exchange.method === "HEAD") exchange.end();
    else {
      const end = totalBytes === null ? null : plan.end;
      await sendTransfer(exchange, transfer, plan.start, end, this.#buffers, async (failed, sentPart) => {
        // A disk that filled up under the transfer takes the file from nobody: it goes on past the disk.
        if (!STORE_FAULTS.has(failed.code) || plan.status !== 200) exchange.destroy();
        else await this.#relay(exchange, artifact, failed, await sentPart());
      });
    }
    return null;
  }

  /** A disk that takes no more is no reason to send an installer away. */
  async #answerFailed(exchange: Exchange, artifact: Artifact, failure: MirrorFailure): Promise<MirrorFailure | null> {
    if (!STORE_FAULTS.has(failure.code) || exchange.method !== "GET") return failure;
    this.#countAtEnd(exchange, { artifact, sha256: null, outcome: "miss", isSpared: false });
    return this.#relay(exchange, artifact, failure, null);
  }

  #relay(exchange: Exchange, artifact: Artifact, failure: MirrorFailure, sent: SentPart | null): Promise<MirrorFailure | null> {
    const { binaryMimeType, download, onUnkept } = this.#options;
    onUnkept(artifact, failure);
    const lines = fileLines(artifact, artifact.hashes["sha256"] ?? null, "miss", binaryMimeType);
    return relay(exchange, artifact, lines, download(artifact), sent);
  }

  async #send(exchange: Exchange, answer: Answer, reader: ContentReader): Promise<void> {
    const plan = planFile(conditionsOf(exchange), tagOf(answer.sha256), reader.sizeBytes);
    if (plan.do !== "send") {
      this.#refuse(exchange, answer, plan, reader.sizeBytes);
      return;
    }
    this.#startPlan(exchange, answer, plan, reader.sizeBytes);
    if (exchange.method === "HEAD") exchange.end();
    else await sendContent(exchange, reader, plan.start, plan.end, this.#buffers);
  }

  #respond(exchange: Exchange, answer: Answer, bytes: Uint8Array): void {
    const plan = planFile(conditionsOf(exchange), tagOf(answer.sha256), bytes.length);
    if (plan.do !== "send") {
      this.#refuse(exchange, answer, plan, bytes.length);
      return;
    }
    this.#countAtEnd(exchange, answer);
    const lines = this.#linesOf(answer) + rangeLine(plan, bytes.length);
    exchange.respond(plan.status, lines, plan.status === 200 ? bytes : bytes.subarray(plan.start, plan.end));
  }

  #startPlan(exchange: Exchange, answer: Answer, plan: SendPlan, totalBytes: number | null): void {
    if (totalBytes === null) this.#start(exchange, answer, 200, null);
    else this.#start(exchange, answer, plan.status, plan.end - plan.start, rangeLine(plan, totalBytes));
  }

  #start(exchange: Exchange, answer: Answer, status: number, lengthBytes: number | null, furtherLines = ""): void {
    this.#countAtEnd(exchange, answer);
    exchange.start(status, this.#linesOf(answer) + furtherLines, lengthBytes);
  }

  #refuse(exchange: Exchange, answer: Answer, plan: FilePlan, sizeBytes: number): void {
    this.#countAtEnd(exchange, answer);
    if (plan.do === "not-modified") exchange.respond(304, validatorLines(answer.artifact, answer.sha256), null);
    else exchange.respond(416, `content-range: bytes */${sizeBytes}\r\n`, null);
  }

  #linesOf({ artifact, sha256, outcome }: Answer): string {
    return fileLines(artifact, sha256, outcome, this.#options.binaryMimeType);
  }

  /** Counts what was really sent. An answer that turns out an error is none of ours. */
  #countAtEnd(exchange: Exchange, { artifact, outcome, isSpared }: Answer): void {
    const { onFinished } = exchange;
    exchange.onFinished = (status, bytes) => {
      onFinished?.(status, bytes);
      if (status < 400 || status === 416) this.#options.onServed(artifact, outcome, bytes, isSpared);
    };
  }
}

type SendPlan = Extract<FilePlan, { do: "send" }>;

/** The size for HEAD; bytes for all others, and the size as well where a range is wanted; or the end. */
function isReady({ failure, content, releasedBytes, totalBytes }: Transfer, exchange: Exchange): boolean {
  if (failure !== null || content !== null) return true;
  if (exchange.method === "HEAD") return totalBytes !== null;
  // An index that told the size has not yet begun to send: a range may be the first that is asked for.
  return releasedBytes > 0 && (totalBytes !== null || exchange.header("range") === undefined);
}

function conditionsOf(exchange: Exchange) {
  return {
    method: exchange.method,
    noneMatch: exchange.header("if-none-match"),
    range: exchange.header("range"),
    ifRange: exchange.header("if-range"),
  };
}

function tagOf(sha256: string | null): string | null {
  return sha256 === null ? null : `"${sha256}"`;
}

function rangeLine(plan: SendPlan, sizeBytes: number): string {
  return plan.status === 206 ? `content-range: bytes ${plan.start}-${plan.end - 1}/${sizeBytes}\r\n` : "";
}

async function whole(reader: ContentReader): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of reader.stream(0, reader.sizeBytes)) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  if (bytes.length !== reader.sizeBytes) throw new Error("the content ends before its size");
  return bytes;
}
