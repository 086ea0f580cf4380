/**
 * Compression operations: node:zlib streams behind handles. Input is accepted
 * only as fast as output is read, and a read returns at most one chunk, so a
 * decompression bomb costs its reader's patience and nobody's memory.
 */

import type { Transform } from "node:stream";
import { builtin } from "../../../base/builtin.ts";
import { reserveCodec } from "../../../host/outbound/codec-budget.ts";
import type { Handle } from "../../../host/outbound/handle.ts";
import { requireBytes, requireOneOf } from "./arguments.ts";
import { closeHandle, openHandle, useHandle } from "./handles.ts";
import { type AsyncOp, GuestFault, type SyncOp } from "./op.ts";

const OUTPUT_CHUNK_BYTES = 64 * 1024;
const INPUT_CHUNK_MAX_BYTES = 16 * 1024 * 1024;

const FORMATS = ["gzip", "deflate", "deflate-raw", "brotli"] as const;
const DIRECTIONS = ["compress", "decompress"] as const;

class OpenCodec implements Handle {
  readonly stream: Transform;
  error: Error | null = null;
  ended = false;
  /** Wakes the read that waits for output. */
  wake: (() => void) | null = null;
  readonly release: () => void;

  constructor(stream: Transform, release: () => void) {
    this.stream = stream;
    this.release = release;
    const wake = (): void => {
      this.wake?.();
      this.wake = null;
    };
    stream.on("readable", wake);
    stream.on("end", () => {
      this.ended = true;
      wake();
    });
    stream.on("error", (error) => {
      this.error = error;
      wake();
    });
    stream.on("close", wake);
  }

  close(): void {
    this.stream.destroy();
    this.release();
  }
}

const open: AsyncOp = async (context, _callId, direction, format) => {
  const way = requireOneOf(direction, "direction", DIRECTIONS);
  const kind = requireOneOf(format, "format", FORMATS);
  const { zlib } = builtin;
  const options = { chunkSize: OUTPUT_CHUNK_BYTES, readableHighWaterMark: OUTPUT_CHUNK_BYTES };
  // The Compression standard makes bytes after the end an error; Node ignores them unless told.
  const strict = { ...options, rejectGarbageAfterEnd: true };
  const make = {
    compress: {
      gzip: () => zlib.createGzip(options),
      deflate: () => zlib.createDeflate(options),
      "deflate-raw": () => zlib.createDeflateRaw(options),
      brotli: () => zlib.createBrotliCompress(options),
    },
    decompress: {
      gzip: () => zlib.createGunzip(strict),
      deflate: () => zlib.createInflate(strict),
      "deflate-raw": () => zlib.createInflateRaw(strict),
      brotli: () => zlib.createBrotliDecompress(strict),
    },
  };
  const release = reserveCodec(context, way, kind);
  try {
    return openHandle(context, new OpenCodec(make[way][kind](), release));
  } catch (error) {
    release();
    throw error;
  }
};

/** Resolves once the input was consumed, which waits for output to be read. */
const write: AsyncOp = async (context, _callId, id, chunk) => {
  const codec = useHandle(context, id, OpenCodec);
  const bytes = requireBytes(chunk, "chunk");
  if (bytes.byteLength > INPUT_CHUNK_MAX_BYTES) throw new GuestFault("RangeError", `A chunk may have ${INPUT_CHUNK_MAX_BYTES} bytes`);
  await new Promise<void>((resolve, reject) => {
    // A stream that is destroyed while its buffer is full never calls back.
    codec.stream.once("close", resolve);
    codec.stream.write(bytes, (error) => {
      codec.stream.off("close", resolve);
      if (error) reject(refusal(error));
      else resolve();
    });
  });
  if (codec.error !== null) throw refusal(codec.error);
};

/** No more input. Output and errors arrive through reads. */
const end: SyncOp = (context, id) => {
  useHandle(context, id, OpenCodec).stream.end();
};

/** The next output, at most one chunk; null at the end, which closes the handle. */
const read: AsyncOp = async (context, _callId, id) => {
  const codec = useHandle(context, id, OpenCodec);
  for (;;) {
    if (codec.error !== null) {
      closeHandle(context, id);
      throw refusal(codec.error);
    }
    const chunk = codec.stream.read() as Buffer | null;
    if (chunk !== null) return chunk;
    if (codec.ended || codec.stream.destroyed) {
      closeHandle(context, id);
      return null;
    }
    if (codec.wake !== null) throw new GuestFault("InvalidStateError", "A read of this stream is already waiting");
    await new Promise<void>((resolve) => {
      codec.wake = resolve;
    });
  }
};

const close: SyncOp = (context, id) => closeHandle(context, id);

function refusal(error: Error): GuestFault {
  return new GuestFault("TypeError", `The compressed data is not valid: ${error.message}`);
}

export const zlibSyncOps: readonly (readonly [string, SyncOp])[] = [
  ["zlib.end", end],
  ["zlib.close", close],
];

export const zlibAsyncOps: readonly (readonly [string, AsyncOp])[] = [
  ["zlib.open", open],
  ["zlib.write", write],
  ["zlib.read", read],
];
