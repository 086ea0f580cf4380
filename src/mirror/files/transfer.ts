/**
 * Transfer: one download from upstream, shared by everybody who wants it. It
 * goes on whoever leaves, and whoever comes late begins at byte 0. The last
 * block is withheld until the content's hash is what the index promised, so a
 * wrong or short answer of upstream reaches nobody as a whole file.
 */
import { fail, ok, type Result } from "../../base/result.ts";
import { KIB, MIB } from "../../base/units.ts";
import type { ContentStore, StoredContent } from "../../store/content/content-store.ts";
import type { StoreFault } from "../../store/store-fault.ts";
import type { Artifact } from "../artifact.ts";
import type { MirrorFailure } from "../failures.ts";
import { UpstreamError } from "../upstream/upstream.ts";
import { Digest } from "./digest.ts";
import { RecentBytes } from "./recent-bytes.ts";
import { shownSource } from "./shown-source.ts";
import { Spool } from "./spool.ts";
import type { DownloadEvent } from "./transfer-source.ts";

/** A file of this size or less reaches nobody before it is verified. */
export const WITHHELD_BYTES = 64 * KIB;
/** Clients no further behind than this cost no read of the file. */
const RECENT_BYTES = 2 * MIB;
const CATCH_UP_BYTES = MIB;

export interface TransferParts {
  readonly store: ContentStore;
  /** What upstream sends, resumed where it broke off; throws UpstreamError. */
  readonly download: (artifact: Artifact) => AsyncIterable<DownloadEvent>;
  /** Called once the content has been verified, before it is in the store. */
  readonly onVerified: (content: StoredContent, checked: boolean) => void;
  /** The store would not keep it: a line for the log, and no matter of the clients'. */
  readonly onNotKept: (fault: StoreFault) => void;
}

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
  readonly #parts: TransferParts;
  readonly #recent = new RecentBytes(RECENT_BYTES);
  readonly #digestOf: () => Digest;
  #digest: Digest;
  #digestedBytes = 0;
  #receivedBytes = 0;
  #spool: Spool | null = null;
  #handedOut = false;
  #waiting: (() => void)[] = [];

  /** `turn`: nothing is begun before it is its turn, not even a file. */
  constructor(artifact: Artifact, parts: TransferParts, turn: Promise<void> = Promise.resolve()) {
    this.artifact = artifact;
    this.totalBytes = artifact.sizeBytes;
    this.#parts = parts;
    this.#digestOf = () => new Digest(artifact.hashes);
    this.#digest = this.#digestOf();
    // What nobody foresaw costs this transfer, not the mirror.
    this.ended = turn
      .then(() => this.#run())
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

  async #run(): Promise<void> {
    const begun = await this.#parts.store.begin();
    if (!begun.ok) return this.#fail(begun.failure);
    const spool = await Spool.open(begun.value, () => this.#wake());
    if (!spool.ok) {
      await begun.value.discard();
      return this.#fail(spool.failure);
    }
    this.#spool = spool.value;
    try {
      await this.#finish(spool.value, await this.#receive(spool.value));
    } catch (error) {
      this.#spool = null;
      await spool.value.partial.discard();
      throw error;
    } finally {
      this.#recent.clear();
      spool.value.release();
    }
  }

  async #finish(spool: Spool, received: Result<void, MirrorFailure>): Promise<void> {
    const verified = received.ok ? this.#verify() : received;
    if (!verified.ok) {
      this.#spool = null;
      await spool.partial.discard();
      return this.#fail(verified.failure);
    }
    this.content = verified.value;
    this.totalBytes = verified.value.sizeBytes;
    this.#wake();
    const kept = await this.#parts.store.commit(spool.partial, verified.value);
    if (!kept.ok) this.#parts.onNotKept(kept.failure);
  }

  async #receive(spool: Spool): Promise<Result<void, MirrorFailure>> {
    try {
      for await (const event of this.#parts.download(this.artifact)) {
        const taken = await this.#take(spool, event);
        if (!taken.ok) return taken;
      }
      const written = await spool.written();
      return written.ok ? await this.#catchUp(spool) : written;
    } catch (error) {
      if (error instanceof UpstreamError) return fail(error.failure);
      throw error;
    }
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
    this.#digest = this.#digestOf();
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
