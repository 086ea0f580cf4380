/**
 * Collects what an upstream sends into blocks of our own, within a bound, to
 * be handed to a thread as they are. The chunks of a socket are copied, a few
 * microseconds each: they may be windows on memory that others use. Nothing is
 * ever joined here, since 30 MB in one piece would hold the loop.
 */
import { fail, ok, type Result } from "../../base/result.ts";
import { KIB, MIB } from "../../base/units.ts";
import type { UpstreamFailure } from "../failures.ts";
import { type UpstreamAnswer, UpstreamError } from "../upstream/upstream.ts";
import type { RoomOfPage } from "./page-room.ts";

const FIRST_BLOCK_BYTES = 32 * KIB;
const BLOCK_MAX_BYTES = MIB;

export interface CollectedBody {
  /** Full, but for the last one. */
  readonly blocks: readonly ArrayBuffer[];
  readonly sizeBytes: number;
}

/** `url` is what a failure names: a redirect may have led to an address that is signed. `onChunk` is told the size of each. What is over the bound is not waited for. What there is no `room` for is, and holds up the sender; null takes it all the same. */
export async function collectBody(
  answer: UpstreamAnswer,
  url: string,
  maxBytes: number,
  onChunk: (sizeBytes: number) => void,
  room: RoomOfPage | null = null,
): Promise<Result<CollectedBody, UpstreamFailure>> {
  const tooLarge = fail({ code: "UPSTREAM_TOO_LARGE", url, maxBytes } as const);
  if (Number(answer.header("content-length") ?? 0) > maxBytes) {
    answer.discard();
    return tooLarge;
  }
  const blocks: ArrayBuffer[] = [];
  let free = new Uint8Array(0);
  let sizeBytes = 0;
  try {
    for await (const chunk of answer.body) {
      onChunk(chunk.length);
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) return tooLarge;
      const granted = room?.grow(sizeBytes) ?? null;
      if (granted !== null) await granted;
      let rest = chunk;
      while (rest.length > 0) {
        if (free.length === 0) {
          const blockBytes = Math.min(FIRST_BLOCK_BYTES * 2 ** blocks.length, BLOCK_MAX_BYTES);
          free = new Uint8Array(blockBytes);
          blocks.push(free.buffer);
        }
        const fits = rest.subarray(0, free.length);
        free.set(fits);
        free = free.subarray(fits.length);
        rest = rest.subarray(fits.length);
      }
    }
  } catch (error) {
    if (error instanceof UpstreamError) return fail(error.failure);
    throw error;
  }
  return ok({ blocks, sizeBytes });
}
