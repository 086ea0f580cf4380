/**
 * A download in order: one request after the other until the file is whole,
 * each going on where the last broke off (resume.ts decides how). Stops at
 * `endBytes` where others bring the rest, and steps over what others brought.
 */
import { assert } from "../../base/assert.ts";
import { isPassing, type UpstreamFailure } from "../failures.ts";
import { type UpstreamAnswer, UpstreamError } from "../upstream/upstream.ts";
import type { DownloadContext, Patience } from "./download-context.ts";
import type { Piece, PieceChunk } from "./pieces.ts";
import { BEGINNING, type DownloadStart, judge, type Progress, planNext, UNTOLD_VERSION } from "./resume.ts";

/** A file that changes more often while it is fetched will not be had. */
const RESTARTS_MAX = 3;

export type SequentialEvent =
  | { readonly kind: "size"; readonly totalBytes: number | null; readonly answer: UpstreamAnswer; readonly progress: Progress }
  | PieceChunk
  | { readonly kind: "restart" };

/** Shared with whoever runs it, who changes the last three while it rests between events. */
export class SequentialState {
  progress: Progress;
  restartCount = 0;
  /** Somebody has bytes, or will have, that a new version makes void. */
  hasHandedOn: boolean;
  endBytes = Number.POSITIVE_INFINITY;
  brought: readonly Piece[] = [];

  /** Not null: of a file whose hash will tell, so much is there from before. */
  constructor(from: DownloadStart | null) {
    this.progress = from === null ? BEGINNING : { ...BEGINNING, ...from, version: UNTOLD_VERSION };
    this.hasHandedOn = from !== null;
  }

  /** Goes past what others brought. True when nothing is left. */
  stepOver(): boolean {
    for (const { startBytes, broughtBytes } of this.brought) {
      const { nextBytes } = this.progress;
      if (startBytes <= nextBytes && nextBytes < broughtBytes) this.progress = { ...this.progress, nextBytes: broughtBytes };
    }
    return this.progress.nextBytes === this.progress.totalBytes;
  }
}

export async function* sequential(context: DownloadContext, state: SequentialState): AsyncGenerator<SequentialEvent, void, void> {
  const patience = context.patience(context.signal);
  /** What was said of the size; undefined when nothing was. */
  let toldBytes = state.hasHandedOn ? state.progress.totalBytes : undefined;
  while (!state.stepOver()) {
    const plan = planNext(state.progress, context.isVerified);
    const asked = await context.ask(plan.headers, context.signal);
    if (!asked.ok) {
      // Some servers refuse the very question for a part. What may pass was tried again by whoever was asked.
      if (!plan.isRange || isPassing(asked.failure)) throw new UpstreamError(asked.failure);
      state.progress = { ...state.progress, mayRange: false };
      continue;
    }
    const answer = asked.value;
    const verdict = judge(state.progress, plan, answer, context.isVerified);
    if (verdict.do !== "take") answer.discard();
    if (verdict.do === "fail") throw context.refused(verdict.because);
    state.progress = verdict.progress;
    if (verdict.do === "finish") return context.checkTotal(verdict.progress.nextBytes);
    const { totalBytes } = verdict.progress;
    if (verdict.isAnew && (state.hasHandedOn || (toldBytes !== undefined && toldBytes !== totalBytes))) {
      if (++state.restartCount > RESTARTS_MAX) {
        answer.discard();
        throw context.refused({ reason: "it changes while it is downloaded" });
      }
      state.hasHandedOn = false;
      toldBytes = undefined;
      yield { kind: "restart" };
    }
    if (verdict.do === "ask") continue;
    context.checkHead(answer, totalBytes);
    if (toldBytes === undefined) yield { kind: "size", totalBytes, answer, progress: verdict.progress };
    toldBytes = totalBytes;
    const failure = yield* take(context, state, patience, answer, verdict.fromBytes);
    if (failure === null) return;
    await patience.after(failure);
  }
}

/** Hands on what is new of a body. Returns why it goes on with another request; null when it doesn't. */
async function* take(
  context: DownloadContext,
  state: SequentialState,
  patience: Patience,
  answer: UpstreamAnswer,
  fromBytes: number,
): AsyncGenerator<SequentialEvent, UpstreamFailure | null, void> {
  let atBytes = fromBytes;
  try {
    for await (const bytes of answer.body) {
      // As it is now: bytes that are cut off at this end are gone, should it move away meanwhile.
      const { endBytes } = state;
      const startBytes = atBytes;
      atBytes += bytes.byteLength;
      context.checkSoFar(atBytes);
      const { nextBytes, totalBytes } = state.progress;
      assert(startBytes <= nextBytes, "a download would leave a gap");
      if (totalBytes !== null && atBytes > totalBytes) throw context.refused({ reason: `more than its ${totalBytes} bytes were sent` });
      const fresh = bytes.subarray(nextBytes - startBytes, endBytes - startBytes);
      if (fresh.byteLength > 0) {
        state.progress = { ...state.progress, nextBytes: nextBytes + fresh.byteLength };
        state.hasHandedOn = true;
        patience.gained(fresh.byteLength);
        yield { kind: "chunk", offsetBytes: nextBytes, bytes: fresh };
      }
      // To leave the loop is to end the request.
      if (state.progress.nextBytes >= endBytes) return null;
    }
  } catch (error) {
    if (!(error instanceof UpstreamError) || !isPassing(error.failure)) throw error;
    // Of the file, not of the one answer.
    const { nextBytes, totalBytes } = state.progress;
    return error.failure.code === "UPSTREAM_TRUNCATED" ? context.truncated(nextBytes, totalBytes ?? context.sizeBytes) : error.failure;
  }
  return judgeEnd(context, state, answer, atBytes);
}

/** A body ended as its framing had it: is that the end of the file? */
function judgeEnd(context: DownloadContext, state: SequentialState, answer: UpstreamAnswer, atBytes: number): UpstreamFailure | null {
  const { nextBytes, totalBytes } = state.progress;
  const wantedBytes = totalBytes ?? context.sizeBytes;
  const truncated = context.truncated(nextBytes, wantedBytes);
  if (atBytes < nextBytes) return truncated;
  if (nextBytes === wantedBytes) return null;
  // A part may end before the file does.
  if (totalBytes !== null || answer.status === 206) return truncated;
  if (wantedBytes === null) return null;
  // An answer that ends with its connection can't be told from one that was cut off.
  if (/\bchunked\b/i.test(answer.header("transfer-encoding") ?? "")) context.checkTotal(nextBytes);
  return truncated;
}
