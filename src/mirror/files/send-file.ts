/**
 * Sending files: bytes of stored content, or of a transfer under way, to one
 * client at the client's pace. What a disk or an upstream fails to give breaks
 * the connection: the client sees a broken transfer, never a short success.
 */
import { read } from "node:fs";
import { builtin } from "../../base/builtin.ts";
import { KIB } from "../../base/units.ts";
import type { Exchange } from "../../http/exchange.ts";
import type { ContentReader } from "../../store/content/content-store.ts";
import type { MirrorFailure } from "../failures.ts";
import type { SendBuffers } from "./send-buffers.ts";
import type { Spool } from "./spool.ts";
import type { Transfer } from "./transfer.ts";

/** Sends bytes from `start` to before `end` of an answer that has been started, and ends it. Throws what reading throws. */
export async function sendContent(
  exchange: Exchange,
  reader: ContentReader,
  start: number,
  end: number,
  buffers: SendBuffers,
): Promise<void> {
  const { fd } = reader;
  if (fd === null) await sendStream(exchange, reader.stream(start, end));
  else await sendRange(exchange, buffers, start, end, (target, position) => readAt(fd, target, position), fd);
  exchange.end();
}

async function sendStream(exchange: Exchange, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) {
    if (exchange.aborted) return;
    if (!exchange.write(chunk)) await drained(exchange);
  }
}

/** The beginning of a file that a client has already. */
export interface SentPart {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/**
 * Sends what a transfer releases from `start` on, to before `end` or to its end
 * (null). Ends the answer. What becomes of it when the transfer fails is
 * for `takeOver` to say; it may ask what the client has of the file by then.
 */
export async function sendTransfer(
  exchange: Exchange,
  transfer: Transfer,
  start: number,
  end: number | null,
  buffers: SendBuffers,
  takeOver: (failure: MirrorFailure, sentPart: () => Promise<SentPart>) => Promise<void>,
): Promise<void> {
  const spool = transfer.hold();
  if (spool === null) {
    exchange.destroy();
    return;
  }
  try {
    let at = start;
    while (!exchange.aborted && at < (end ?? transfer.content?.sizeBytes ?? Number.POSITIVE_INFINITY)) {
      const releasedEnd = Math.min(transfer.releasedBytes, end ?? Number.POSITIVE_INFINITY);
      if (releasedEnd <= at) {
        if (transfer.failure !== null) {
          const sentBytes = at;
          return await takeOver(transfer.failure, () => sentPart(spool, sentBytes));
        }
        await transfer.changed();
        continue;
      }
      const recent = transfer.recent(at, releasedEnd);
      if (recent === null) {
        await sendRange(exchange, buffers, at, releasedEnd, (target, position) => spool.read(target, position));
        at = releasedEnd;
      } else {
        if (!exchange.write(recent)) await drained(exchange);
        at += recent.length;
      }
    }
    exchange.end();
  } catch {
    exchange.destroy();
  } finally {
    spool.release();
  }
}

async function sentPart(spool: Spool, sizeBytes: number): Promise<SentPart> {
  const hash = builtin.crypto.createHash("sha256");
  const block = Buffer.allocUnsafe(256 * KIB);
  for (let at = 0; at < sizeBytes; ) {
    const length = await spool.read(block.subarray(0, Math.min(block.length, sizeBytes - at)), at);
    if (length === 0) throw new Error("the file ends before what was sent of it");
    hash.update(block.subarray(0, length));
    at += length;
  }
  return { sizeBytes, sha256: hash.digest("hex") };
}

type ReadAt = (target: Uint8Array, position: number) => Promise<number>;

/**
 * Hot path of downloads (npm run bench -- mirror): by the kernel where it can and
 * has the file in memory, else one read and one write for each buffer.
 */
async function sendRange(
  exchange: Exchange,
  buffers: SendBuffers,
  start: number,
  end: number,
  readInto: ReadAt,
  fd: number | null = null,
): Promise<void> {
  buffers.enter();
  let buffer: Buffer | null = null;
  try {
    for (let at = start; at < end && !exchange.aborted; ) {
      const byKernel = fd === null ? null : exchange.sendFile(fd, at, end);
      if (byKernel !== null) {
        at = await byKernel;
        if (at === end || exchange.aborted) break;
      }
      buffer ??= buffers.take();
      const length = await readInto(buffer.subarray(0, Math.min(buffer.length, end - at)), at);
      if (length === 0) throw new Error("the file ends before its size");
      at += length;
      if (!exchange.write(buffer.subarray(0, length))) await drained(exchange);
      // The socket may still hold a short piece: nothing may overwrite it.
      else buffer = buffers.take();
    }
    // A client that left may leave the buffer with the system for a while.
    if (buffer !== null && !exchange.aborted) buffers.giveBack(buffer);
  } finally {
    buffers.leave();
  }
}

function readAt(fd: number, target: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, target, 0, target.length, position, (error, bytesRead) => (error === null ? resolve(bytesRead) : reject(error)));
  });
}

/** Resolves when the socket has taken what was written, or the client is gone. */
export function drained(exchange: Exchange): Promise<void> {
  if (exchange.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      exchange.onDrain = null;
      exchange.onAbort = null;
      resolve();
    };
    exchange.onDrain = done;
    // A client that only ended its side still takes the answer.
    exchange.onAbort = (mayWait) => {
      if (mayWait !== true) done();
    };
  });
}
