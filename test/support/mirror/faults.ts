/**
 * Faults of the tests' index, by path and settable while it runs: what real
 * indexes, their proxies and the networks before them have been seen to do.
 */
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

export interface Faults {
  /** So many requests meet them; then the path is well. */
  readonly times?: number;
  readonly delayMs?: number;
  /** The request is taken and never answered. */
  readonly hang?: true;
  readonly status?: number;
  readonly redirectTo?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Null leaves the field out. */
  readonly contentType?: string | null;
  /** Content-Encoding whoever asks: gzip, as one proxy does to sdists. */
  readonly gzip?: true;
  /** No Range, no Accept-Ranges, no validators. */
  readonly noRanges?: true;
  /** A byte in the middle is another one. */
  readonly corrupt?: true;
  /** A whole answer, Content-Length and all, of the first bytes only. */
  readonly shortenToBytes?: number;
  readonly bytesPerSecond?: number;
  /** The connection ends after so many bytes of the promised ones. */
  readonly truncateAfterBytes?: number;
  /** Silence after so many bytes. */
  readonly stallAfterBytes?: number;
  /** No Content-Length. */
  readonly chunked?: true;
  /** In place of the content: `repeat` until `totalBytes` have gone out, or nobody takes them. */
  readonly endless?: { readonly head: Buffer; readonly repeat: Buffer; readonly totalBytes: number; readonly encoding?: string };
}

export interface Sending {
  sentBytes: number;
  /** Of performance.now(); null while it lasts. */
  endedAtMs: number | null;
  /** All that was to be sent went out. */
  isComplete: boolean;
}

const SLICE_BYTES = 128 * 1024;
const PACE_STEP_MS = 5;

/** Sends at the pace and to the point that the faults say. */
export async function sendBody(response: ServerResponse, body: Buffer, faults: Faults, sending: Sending): Promise<void> {
  const limit = Math.min(
    body.length,
    faults.truncateAfterBytes ?? Number.POSITIVE_INFINITY,
    faults.stallAfterBytes ?? Number.POSITIVE_INFINITY,
  );
  const startMs = performance.now();
  while (sending.sentBytes < limit && !response.destroyed) {
    const due = faults.bytesPerSecond === undefined ? limit : (faults.bytesPerSecond * (performance.now() - startMs)) / 1000;
    const end = Math.min(limit, Math.floor(due), sending.sentBytes + SLICE_BYTES);
    if (end <= sending.sentBytes) {
      await sleep(PACE_STEP_MS);
      continue;
    }
    await write(response, body.subarray(sending.sentBytes, end));
    sending.sentBytes = end;
  }
  if (limit === body.length) {
    response.end();
    sending.isComplete = !response.destroyed;
  } else if (faults.truncateAfterBytes !== undefined) {
    response.socket?.destroySoon();
  }
}

export async function sendEndless(response: ServerResponse, endless: NonNullable<Faults["endless"]>, sending: Sending): Promise<void> {
  await write(response, endless.head);
  while (sending.sentBytes < endless.totalBytes && !response.destroyed) {
    await write(response, endless.repeat);
    sending.sentBytes += endless.repeat.length;
  }
  response.end();
  sending.isComplete = !response.destroyed;
}

function write(response: ServerResponse, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed || response.write(bytes)) return resolve();
    const go = () => {
      response.off("drain", go);
      response.off("close", go);
      resolve();
    };
    response.on("drain", go);
    response.on("close", go);
  });
}
