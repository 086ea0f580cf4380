/**
 * Transfer: one download from upstream, shared by everybody who wants it. It
 * goes on whoever leaves, and whoever comes late begins at byte 0. The last
 * block is withheld until the content's hash is what the index promised, so a
 * wrong or short answer of upstream reaches nobody as a whole file. Only one
 * that nobody waits for and that trickles is given up; what it has is left for
 * the next (left-parts.ts).
 */
import { assert } from "../../base/assert.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import { KIB, MIB } from "../../base/units.ts";
import type { ContentStore, StoredContent } from "../../store/content/content-store.ts";
import type { StoreFault } from "../../store/store-fault.ts";
import type { Artifact } from "../artifact.ts";
import type { MirrorFailure } from "../failures.ts";
import { UpstreamError } from "../upstream/upstream.ts";
import { Digest, promiseOf } from "./digest.ts";
import { FillPace } from "./fill-pace.ts";
import type { LeftPart } from "./left-parts.ts";
import { RecentBytes } from "./recent-bytes.ts";
import { shownSource } from "./shown-source.ts";
import { Spool } from "./spool.ts";
import type { DownloadEvent, DownloadStart } from "./transfer-source.ts";

/** A file of this size or less reaches nobody before it is verified. */
export const WITHHELD_BYTES = 64 * KIB;
/** Clients no further behind than this cost no read of the file. */
const RECENT_BYTES = 2 * MIB;
const CATCH_UP_BYTES = MIB;

export interface TransferParts {
  readonly store: ContentStore;
  /** What upstream sends, resumed where it broke off, behind what is there already; throws UpstreamError. */
  readonly download: (artifact: Artifact, from: DownloadStart | null) => AsyncIterable<DownloadEvent>;
  /** Called once the content has been verified, before it is in the store. */
  readonly onVerified: (content: StoredContent, checked: boolean) => void;
  /** The store would not keep it: a line for the log, and no matter of the clients'. */
  readonly onNotKept: (fault: StoreFault) => void;
  /** Nobody waits for it, and it came too slowly. */
  readonly onGivenUp: () => void;
  /** Of a clock that never jumps; the world, for tests. */
  readonly nowMs?: () => number;
}

export interface TransferStart {
  /** Nothing is begun before it is its turn, not even a file. */
  readonly turn: Promise<void>;
  /** What is there from before, asked for when it is its turn. It is this transfer's from then on. */
  readonly takeLeft: () => LeftPart | null;
}

const AT_ONCE: TransferStart = { turn: Promise.resolve(), takeLeft: () => null };

export class Transfer {
  readonly artifact: Artifact;
  /** Null until upstream or the index tells it. */
  totalBytes: number | null;
  /** Set when it is over and nobody gets the whole of it. */
  failure: MirrorFailure | null = null;
  /** Set when every byte may be had. */
  content: StoredContent | null = null;
  /** Resolves when it is over: in the store, or failed. Never rejects. */
  readonly ended: Promise<void>;
  /** It will fail, though nobody has: whoever comes now wants another. */
  isGivenUp = false;
  /** Set before the end of one that was given up, where the next can go on. */
  left: LeftPart | null = null;
  readonly #parts: TransferParts;
  readonly #nowMs: () => number;
  readonly #pace: FillPace;
  #waitingCount = 0;
  readonly #recent = new RecentBytes(RECENT_BYTES);
  #digest: Digest;
  #digestedBytes = 0;
  #receivedBytes = 0;
  #spool: Spool | null = null;
  #handedOut = false;
  #waiting: (() => void)[] = [];

  constructor(artifact: Artifact, parts: TransferParts, { turn, takeLeft } = AT_ONCE) {
    this.artifact = artifact;
    this.totalBytes = artifact.sizeBytes;
    this.#parts = parts;
    this.#nowMs = parts.nowMs ?? (() => performance.now());
    this.#pace = new FillPace(this.#nowMs());
    this.#digest = new Digest(artifact.hashes);
    // What nobody foresaw costs this transfer, not the mirror.
    this.ended = turn
      .then(() => this.#run(takeLeft()))
      .catch((error: unknown) => {
        const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#fail({ code: "INTERNAL", message: `Cannot go on with the transfer of ${artifact.filename}: ${reason}` });
      });
  }

  /** Bytes from the beginning that clients may have. */
  get releasedBytes(): number {
    if (this.content !== null) return this.content.sizeBytes;
    const writtenBytes = this.#spool?.leadingBytes ?? 0;
    const endBytes = this.totalBytes === null ? writtenBytes : Math.min(writtenBytes, this.totalBytes);
    const keptBack = this.totalBytes === null ? endBytes - WITHHELD_BYTES : Math.min(endBytes, this.totalBytes - WITHHELD_BYTES);
    return Math.max(0, keptBack);
  }

  /** Somebody waits for it, until as many have left. */
  attend(): void {
    this.#waitingCount++;
  }

  leave(): void {
    this.#waitingCount--;
    assert(this.#waitingCount >= 0, "more have left a transfer than came to it");
    if (this.#waitingCount === 0) this.#pace.begin(this.#nowMs());
  }

  /** Resolves at the next change: more bytes, the size, the end. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** For whoever is going to send it; each `hold` has its `release`. Null before there is a file and after a failure. */
  hold(): Spool | null {
    this.#handedOut ||= this.#spool !== null;
    this.#spool?.hold();
    return this.#spool;
  }

  /** Released bytes that are still in memory; null when they have to be read. */
  recent(start: number, end: number): Uint8Array | null {
    return this.#recent.at(start, end);
  }

  async #run(left: LeftPart | null): Promise<void> {
    const spool = left === null ? await this.#begin() : ok(this.#goOnWith(left));
    if (!spool.ok) return this.#fail(spool.failure);
    this.#spool = spool.value;
    this.#pace.begin(this.#nowMs());
    this.#wake();
    try {
      const from = left === null ? null : { nextBytes: left.sizeBytes, totalBytes: this.totalBytes };
      await this.#finish(spool.value, await this.#receive(spool.value, from));
    } catch (error) {
      this.#spool = null;
      await spool.value.partial.discard();
      throw error;
    } finally {
      this.#recent.clear();
      spool.value.release();
    }
  }

  async #begin(): Promise<Result<Spool, StoreFault>> {
    const begun = await this.#parts.store.begin();
    if (!begun.ok) return begun;
    const spool = await Spool.open(begun.value, () => this.#wake());
    if (!spool.ok) await begun.value.discard();
    return spool;
  }

  #goOnWith({ spool, digest, sizeBytes, totalBytes }: LeftPart): Spool {
    spool.onWritten = () => this.#wake();
    this.#digest = digest;
    this.#digestedBytes = this.#receivedBytes = sizeBytes;
    this.totalBytes ??= totalBytes;
    return spool;
  }

  async #finish(spool: Spool, received: Result<void, MirrorFailure>): Promise<void> {
    const verified = received.ok ? this.#verify() : received;
    if (!verified.ok) {
      this.#spool = null;
      this.left = this.isGivenUp ? await this.#leftOf(spool) : null;
      if (this.left === null) await spool.partial.discard();
      return this.#fail(verified.failure);
    }
    this.content = verified.value;
    this.totalBytes = verified.value.sizeBytes;
    this.#wake();
    const kept = await this.#parts.store.commit(spool.partial, verified.value);
    if (!kept.ok) this.#parts.onNotKept(kept.failure);
  }

  /** Null where the next has to begin anew. */
  async #leftOf(spool: Spool): Promise<LeftPart | null> {
    // Without a hash of the whole nobody could tell whether the rest is of the same file.
    if (promiseOf(this.artifact.hashes) === null) return null;
    const kept = await spool.keepLeading();
    const digested = kept.ok ? await this.#catchUp(spool) : kept;
    if (!digested.ok || this.#digestedBytes === 0) return null;
    spool.hold();
    return { spool, digest: this.#digest, sizeBytes: this.#digestedBytes, totalBytes: this.totalBytes };
  }

  async #receive(spool: Spool, from: DownloadStart | null): Promise<Result<void, MirrorFailure>> {
    try {
      for await (const event of this.#parts.download(this.artifact, from)) {
        const taken = await this.#take(spool, event);
        if (!taken.ok) return taken;
        // To leave the loop is to end the request.
        if (event.kind === "chunk" && this.#isTrickle(event.bytes.length)) return fail(this.#givenUp());
      }
      const written = await spool.written();
      return written.ok ? await this.#catchUp(spool) : written;
    } catch (error) {
      if (error instanceof UpstreamError) return fail(error.failure);
      throw error;
    }
  }

  #isTrickle(bytes: number): boolean {
    return this.#waitingCount === 0 && this.#pace.isTrickle(bytes, this.#nowMs());
  }

  #givenUp(): MirrorFailure {
    this.isGivenUp = true;
    this.#parts.onGivenUp();
    return { code: "UPSTREAM_TRUNCATED", url: shownSource(this.artifact), gotBytes: this.#receivedBytes, wantedBytes: this.totalBytes };
  }

  async #take(spool: Spool, event: DownloadEvent): Promise<Result<void, MirrorFailure>> {
    switch (event.kind) {
      case "size":
        this.totalBytes ??= event.totalBytes;
        this.#wake();
        return ok(undefined);
      case "restart":
        return this.#restart(spool);
      case "chunk": {
        const { offsetBytes, bytes } = event;
        this.#receivedBytes += bytes.length;
        this.#recent.add(offsetBytes, bytes);
        if (offsetBytes === this.#digestedBytes) this.#digestNext(bytes);
        // Parts that came ahead of their turn are read back when the gap has closed.
        else if (spool.leadingBytes - this.#digestedBytes >= CATCH_UP_BYTES) {
          const caughtUp = await this.#catchUp(spool);
          if (!caughtUp.ok) return caughtUp;
        }
        return spool.add(offsetBytes, bytes);
      }
      default:
        return event satisfies never;
    }
  }

  async #restart(spool: Spool): Promise<Result<void, MirrorFailure>> {
    const { artifact } = this;
    if (this.#handedOut) {
      const url = shownSource(artifact);
      return fail({ code: "UPSTREAM_TRUNCATED", url, gotBytes: this.#receivedBytes, wantedBytes: this.totalBytes });
    }
    this.#recent.clear();
    this.#digest = new Digest(artifact.hashes);
    this.#digestedBytes = 0;
    this.#receivedBytes = 0;
    this.totalBytes = artifact.sizeBytes;
    return spool.restart();
  }

  #digestNext(bytes: Uint8Array): void {
    this.#digest.update(bytes);
    this.#digestedBytes += bytes.length;
  }

  async #catchUp(spool: Spool): Promise<Result<void, MirrorFailure>> {
    const block = Buffer.allocUnsafeSlow(CATCH_UP_BYTES);
    while (this.#digestedBytes < spool.leadingBytes) {
      const wanted = Math.min(block.length, spool.leadingBytes - this.#digestedBytes);
      try {
        const length = await spool.read(block.subarray(0, wanted), this.#digestedBytes);
        if (length === 0) throw new Error("it is shorter than what was written to it");
        this.#digestNext(block.subarray(0, length));
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return fail({ code: "STORAGE_FAILED", message: `Cannot read ${spool.partial.path}: ${reason}` });
      }
    }
    return ok(undefined);
  }

  #verify(): Result<StoredContent, MirrorFailure> {
    const { artifact } = this;
    const url = shownSource(artifact);
    const gotBytes = this.#digestedBytes;
    if (gotBytes !== this.#receivedBytes) {
      return fail({ code: "UPSTREAM_TRUNCATED", url, gotBytes, wantedBytes: this.totalBytes });
    }
    const { sha256, checked, mismatch } = this.#digest.finish();
    if (mismatch !== null) return fail({ code: "UPSTREAM_DIGEST_MISMATCH", url, ...mismatch });
    if (artifact.sizeBytes !== null && artifact.sizeBytes !== gotBytes) {
      return fail({ code: "UPSTREAM_SIZE_MISMATCH", url, wantedBytes: artifact.sizeBytes, gotBytes });
    }
    const content = { sha256, sizeBytes: gotBytes };
    this.#parts.onVerified(content, checked);
    return ok(content);
  }

  #fail(failure: MirrorFailure): void {
    this.failure = failure;
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
