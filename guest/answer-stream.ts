/**
 * Answer streams: bodies that go to the host chunk by chunk, with
 * back-pressure. The answer begins with its first chunk, so that a body which
 * fails before that becomes a 500; one whose first chunk is long in coming
 * begins without it, because an event stream must open promptly.
 */
import { Blob } from "./blob.ts";
import { type BodySource, toChunk, toStream } from "./body.ts";
import { hostSync } from "./bridge.ts";
import { ReadableStream } from "./streams.ts";
import { describe } from "./thrown.ts";

const TEXT_SLICE = 256 * 1024;
/** A chunk or a failure that waits for nothing is there after so many microtasks; a chain of ten transforms takes that many. */
const MICROTASKS_AWAITED = 100;

/** What an abort or a drained socket must reach. */
interface OpenStream {
  wake: (() => void) | null;
  /** Tells the body's source that nobody reads any more, also while it is silent. */
  cancel: (() => void) | null;
  gone: boolean;
}
const open = new Map<number, OpenStream>();

/** Resolves when the last chunk was taken, or nobody takes any; the host has been told of a failure then. */
export async function streamAnswer(callId: number, status: number, lines: string, source: BodySource): Promise<void> {
  const call: OpenStream = { wake: null, cancel: null, gone: false };
  open.set(callId, call);
  const length = source instanceof Blob ? source.size : source instanceof Uint8Array ? source.byteLength : null;
  try {
    const reader = (typeof source === "string" ? textSlices(source) : toStream(source)).getReader();
    call.cancel = () => void reader.cancel(new Error("The client went away")).catch(() => {});
    let next = reader.read();
    await soon(next);
    hostSync("call.start", callId, status, lines, length);
    for (;;) {
      if (call.gone) return;
      const { done, value } = await next;
      if (done) break;
      const chunk = toChunk(value);
      const room = chunk.byteLength === 0 ? true : hostSync("call.write", callId, chunk);
      if (room === null) {
        call.gone = true;
        call.cancel();
        return;
      }
      if (room !== true && !call.gone) {
        await new Promise<void>((resolve) => {
          call.wake = resolve;
        });
      }
      next = reader.read();
    }
    if (!call.gone) hostSync("call.end", callId);
  } catch (error) {
    const { message, stack } = describe(error);
    hostSync("call.broken", callId, message, stack);
  } finally {
    open.delete(callId);
  }
}

/** The client has gone, or has room again. */
export function wakeStream(callId: number, isGone: boolean): void {
  const call = open.get(callId);
  if (call === undefined) return;
  if (isGone) {
    call.gone = true;
    call.cancel?.();
  }
  const { wake } = call;
  call.wake = null;
  wake?.();
}

/** Waits for what settles within this turn, and rejects with it; gives up on anything later. */
async function soon(first: Promise<unknown>): Promise<void> {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  first.then(settle, settle);
  for (let count = 0; !settled && count < MICROTASKS_AWAITED; count++) await null;
  if (settled) await first;
}

function textSlices(text: string): ReadableStream {
  let at = 0;
  return new ReadableStream({
    pull(controller: { enqueue(chunk: string): void; close(): void }) {
      if (at >= text.length) {
        controller.close();
        return;
      }
      let end = Math.min(at + TEXT_SLICE, text.length);
      // Never between the halves of a surrogate pair: each half alone would become U+FFFD.
      if (end < text.length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800) end++;
      controller.enqueue(text.slice(at, end));
      at = end;
    },
  });
}
