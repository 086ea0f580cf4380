/**
 * CompressionStream and DecompressionStream of the Compression standard, with
 * the host's zlib behind them. Reads pull one bounded chunk at a time; writes
 * wait until their input was taken.
 */
import { hostAsync, hostSync } from "./bridge.ts";
import { viewOf } from "./encoding.ts";
import { ReadableStream, WritableStream } from "./streams.ts";

const FORMATS = new Set(["gzip", "deflate", "deflate-raw", "brotli"]);
/** Longer input crosses in slices: the copy at the host is bounded. */
const SLICE_BYTES = 1024 * 1024;

class CodecStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<ArrayBuffer | ArrayBufferView>;

  constructor(direction: "compress" | "decompress", format: string) {
    const name = String(format);
    if (!FORMATS.has(name)) throw new TypeError(`${direction}: the format ${JSON.stringify(name)} is not supported`);
    const handle = hostAsync("zlib.open", direction, name) as Promise<number>;
    handle.catch(() => {});
    const close = (): void => {
      handle.then(
        (id) => hostSync("zlib.close", id),
        () => {},
      );
    };
    let readController: { error(reason: unknown): void } | undefined;
    let writeController: { error(reason: unknown): void } | undefined;
    this.readable = new ReadableStream<Uint8Array>(
      {
        start(controller) {
          readController = controller;
        },
        async pull(controller) {
          try {
            const chunk = (await hostAsync("zlib.read", await handle)) as Uint8Array | null;
            if (chunk === null) controller.close();
            else controller.enqueue(chunk);
          } catch (error) {
            writeController?.error(error);
            throw error;
          }
        },
        cancel(reason) {
          writeController?.error(reason);
          close();
        },
      },
      // Nothing is asked of the host before somebody reads.
      { highWaterMark: 0 },
    );
    this.writable = new WritableStream<ArrayBuffer | ArrayBufferView>({
      start(controller) {
        writeController = controller;
      },
      async write(chunk) {
        const bytes = viewOf(chunk);
        const id = await handle;
        for (let at = 0; at < bytes.length; at += SLICE_BYTES) await hostAsync("zlib.write", id, bytes.slice(at, at + SLICE_BYTES));
      },
      async close() {
        hostSync("zlib.end", await handle);
      },
      abort(reason) {
        readController?.error(reason);
        close();
      },
    });
  }
}

export class CompressionStream extends CodecStream {
  constructor(format: string) {
    super("compress", format);
  }

  get [Symbol.toStringTag](): string {
    return "CompressionStream";
  }
}

export class DecompressionStream extends CodecStream {
  constructor(format: string) {
    super("decompress", format);
  }

  get [Symbol.toStringTag](): string {
    return "DecompressionStream";
  }
}
