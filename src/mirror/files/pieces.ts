/**
 * Pieces: a large file cut into ranges that come at once. Here are the cut, the
 * fetching of one piece, and what of a chunk nobody has brought yet. A piece
 * is fetched only as a part of the version that the first request met; a server
 * that answers anything else is not argued with: RangeRefused, and one request
 * brings the rest.
 */
import { MIB } from "../../base/units.ts";
import { isPassing, type UpstreamFailure } from "../failures.ts";
import { UpstreamError } from "../upstream/upstream.ts";
import type { DownloadContext } from "./download-context.ts";
import { type Head, isOtherVersion, isTied, type Progress, readContentRange } from "./resume.ts";

export interface Piece {
  readonly startBytes: number;
  readonly endBytes: number;
  /** Position up to which it was handed on. */
  broughtBytes: number;
}

export interface PieceChunk {
  readonly kind: "chunk";
  readonly offsetBytes: number;
  readonly bytes: Uint8Array;
}

export class RangeRefused extends Error {
  override readonly name = "RangeRefused";
}

/** Would this server send parts of just this version? */
export function canSplit(answer: Head, progress: Progress): boolean {
  return answer.status === 200 && /\bbytes\b/i.test(answer.header("accept-ranges") ?? "") && (progress.version?.ifRange ?? null) !== null;
}

/** Pieces after the first, which the request that is under way brings. */
export function cut(totalBytes: number, count: number): Piece[] {
  const unitBytes = totalBytes > count * MIB ? MIB : 1;
  const pieceBytes = Math.ceil(totalBytes / count / unitBytes) * unitBytes;
  const pieces: Piece[] = [];
  for (let startBytes = pieceBytes; startBytes < totalBytes; startBytes += pieceBytes) {
    pieces.push({ startBytes, endBytes: Math.min(totalBytes, startBytes + pieceBytes), broughtBytes: startBytes });
  }
  return pieces;
}

/** `progress` is that of the first request as the file was cut. */
export async function* fetchPiece(
  context: DownloadContext,
  piece: Piece,
  progress: Progress,
  signal: AbortSignal,
): AsyncGenerator<PieceChunk, void, void> {
  const patience = context.patience(signal);
  const ifRange = progress.version?.ifRange ?? "";
  for (let nextBytes = piece.startBytes; nextBytes < piece.endBytes; ) {
    const asked = await context.ask({ range: `bytes=${nextBytes}-${piece.endBytes - 1}`, "if-range": ifRange }, signal);
    if (!asked.ok) throw new UpstreamError(asked.failure);
    const answer = asked.value;
    const range = answer.status === 206 ? readContentRange(answer) : null;
    if (
      range === null ||
      range.firstBytes !== nextBytes ||
      range.lastBytes >= piece.endBytes ||
      isOtherVersion(progress, answer, range.totalBytes) ||
      !(context.isVerified || isTied(progress, answer))
    ) {
      answer.discard();
      throw new RangeRefused();
    }
    context.checkHead(answer, range.totalBytes);
    let failure: UpstreamFailure = context.truncated(nextBytes, piece.endBytes);
    try {
      for await (const bytes of answer.body) {
        if (nextBytes + bytes.byteLength > range.lastBytes + 1) throw new RangeRefused();
        const offsetBytes = nextBytes;
        nextBytes += bytes.byteLength;
        patience.gained(bytes.byteLength);
        yield { kind: "chunk", offsetBytes, bytes };
      }
    } catch (error) {
      if (!(error instanceof UpstreamError) || !isPassing(error.failure)) throw error;
      ({ failure } = error);
    }
    if (nextBytes < piece.endBytes) await patience.after(failure);
  }
}

/** The parts of a chunk that none of the pieces has brought. */
export function* unbrought(chunk: PieceChunk, pieces: readonly Piece[]): Generator<PieceChunk, void, void> {
  let fromBytes = chunk.offsetBytes;
  const endBytes = chunk.offsetBytes + chunk.bytes.byteLength;
  // In the order of the file, as they were cut.
  for (const piece of pieces) {
    const holeEndBytes = Math.min(endBytes, piece.startBytes);
    if (fromBytes < holeEndBytes) yield slice(chunk, fromBytes, holeEndBytes);
    fromBytes = Math.max(fromBytes, Math.min(endBytes, piece.broughtBytes));
  }
  if (fromBytes < endBytes) yield slice(chunk, fromBytes, endBytes);
}

function slice(chunk: PieceChunk, fromBytes: number, toBytes: number): PieceChunk {
  const { offsetBytes } = chunk;
  return { kind: "chunk", offsetBytes: fromBytes, bytes: chunk.bytes.subarray(fromBytes - offsetBytes, toBytes - offsetBytes) };
}
