/**
 * The source of a transfer: one artifact from its index as events, resumed
 * where it breaks off, in parallel ranges where it is large and the server
 * allows. Events come at the reader's pace; each byte of the file comes once,
 * unless a restart says that upstream has changed its mind. Nothing is hashed
 * or written here. Throws UpstreamError: UPSTREAM_STATUS with 404 or 410 when
 * the index has no such file.
 */
import { assert } from "../../base/assert.ts";
import { MIB } from "../../base/units.ts";
import { UpstreamError } from "../upstream/upstream.ts";
import { DownloadContext, type DownloadOptions } from "./download-context.ts";
import { Merge } from "./merge.ts";
import { canSplit, cut, fetchPiece, type Piece, RangeRefused, unbrought } from "./pieces.ts";
import { type SequentialEvent, SequentialState, sequential } from "./sequential.ts";

const SPLIT_ABOVE_BYTES = 32 * MIB;

export type { DownloadOptions } from "./download-context.ts";
export type { DownloadStart } from "./resume.ts";

export type DownloadEvent =
  /** Comes first, but not where a download goes on; and again after each restart. Null: known only when the events end. */
  | { readonly kind: "size"; readonly totalBytes: number | null }
  | { readonly kind: "chunk"; readonly offsetBytes: number; readonly bytes: Uint8Array }
  /** Everything before is void. */
  | { readonly kind: "restart" };

export async function* download(options: DownloadOptions): AsyncGenerator<DownloadEvent, void, void> {
  const run = new Download(options);
  try {
    yield* run.events();
  } finally {
    run.stop();
  }
}

class Download {
  readonly #options: DownloadOptions;
  readonly #context: DownloadContext;
  readonly #stopping = new AbortController();
  readonly #merge = new Merge<SequentialEvent>();
  readonly #state: SequentialState;
  /** Brings the pieces after the first; empty while one request does it all. */
  readonly #helpers = new Map<AsyncIterator<SequentialEvent>, Piece>();
  #helpersStopping = new AbortController();
  #main: AsyncGenerator<SequentialEvent, void, void>;
  #hasMainEnded = false;
  #maySplit: boolean;

  constructor(options: DownloadOptions) {
    this.#options = options;
    this.#context = new DownloadContext(options, AbortSignal.any([options.signal, this.#stopping.signal]));
    const { from = null } = options;
    assert(from === null || this.#context.isVerified, "without a hash nobody knows what the rest would be joined to");
    this.#state = new SequentialState(from);
    this.#maySplit = options.limits.parallelRanges > 1;
    this.#main = sequential(this.#context, this.#state);
    this.#merge.add(this.#main);
  }

  async *events(): AsyncGenerator<DownloadEvent, void, void> {
    for (let step = await this.#merge.next(); step !== null; step = await this.#merge.next()) {
      const piece = this.#helpers.get(step.source);
      if (step.kind === "item") yield* this.#handOn(step.item, piece);
      else if (step.kind === "end") this.#ended(piece);
      else if (piece === undefined) throw step.error;
      else this.#goOnAlone(step.error);
    }
  }

  stop(): void {
    this.#stopping.abort();
    for (const source of [this.#main, ...this.#helpers.keys()]) this.#merge.drop(source);
  }

  *#handOn(event: SequentialEvent, piece: Piece | undefined): Generator<DownloadEvent, void, void> {
    if (event.kind === "size") {
      this.#split(event);
      yield { kind: "size", totalBytes: event.totalBytes };
    } else if (event.kind === "restart") {
      this.#dropHelpers();
      this.#state.brought = [];
      yield event;
    } else if (piece === undefined) {
      yield* unbrought(event, this.#state.brought);
    } else {
      piece.broughtBytes = event.offsetBytes + event.bytes.byteLength;
      yield event;
    }
  }

  #split({ totalBytes, answer, progress }: Extract<SequentialEvent, { kind: "size" }>): void {
    const { limits, splitAboveBytes = SPLIT_ABOVE_BYTES } = this.#options;
    if (!this.#maySplit || totalBytes === null || totalBytes <= splitAboveBytes || !canSplit(answer, progress)) return;
    this.#maySplit = false;
    const pieces = cut(totalBytes, limits.parallelRanges);
    const first = pieces[0];
    if (first === undefined) return;
    this.#state.endBytes = first.startBytes;
    // A new version voids what they bring, even before the first request has brought a byte.
    this.#state.hasHandedOn = true;
    const signal = AbortSignal.any([this.#context.signal, this.#helpersStopping.signal]);
    for (const piece of pieces) {
      const helper = fetchPiece(this.#context, piece, progress, signal);
      this.#helpers.set(helper, piece);
      this.#merge.add(helper);
    }
  }

  /** A piece can't be had: what the pieces have brought stands, and one request brings the rest. */
  #goOnAlone(error: unknown): void {
    if (!(error instanceof RangeRefused) && !(error instanceof UpstreamError)) throw error;
    this.#state.brought = [...this.#helpers.values()];
    this.#dropHelpers();
    this.#completeAlone();
  }

  #ended(piece: Piece | undefined): void {
    if (piece !== undefined) return;
    this.#hasMainEnded = true;
    this.#completeAlone();
  }

  /** Where the pieces were given up, the first request may have ended at what was its share. */
  #completeAlone(): void {
    if (!this.#hasMainEnded || this.#helpers.size > 0) return;
    if (this.#state.progress.totalBytes === null || this.#state.stepOver()) return;
    this.#hasMainEnded = false;
    this.#main = sequential(this.#context, this.#state);
    this.#merge.add(this.#main);
  }

  #dropHelpers(): void {
    this.#maySplit = false;
    this.#helpersStopping.abort();
    this.#helpersStopping = new AbortController();
    for (const helper of this.#helpers.keys()) this.#merge.drop(helper);
    this.#helpers.clear();
    this.#state.endBytes = Number.POSITIVE_INFINITY;
  }
}
