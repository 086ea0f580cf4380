/**
 * Framed message: one JSON head and the bodies that it tells of, on a pipe
 * between two processes. Bodies are megabytes: they are neither encoded nor
 * joined, but read into memory of their exact size as they come.
 */
const LENGTH_BYTES = 4;
/** A head says what there is; names of the packages' folder are the most of it. */
const HEAD_MAX_BYTES = 64 * 1024 * 1024;

export function messageHead(head: object): Buffer {
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(text.length);
  return Buffer.concat([length, text]);
}

/** Null when the stream ends before the message does. */
export async function readMessage<Head>(
  stream: AsyncIterable<Uint8Array>,
  sizesOf: (head: Head) => readonly number[],
): Promise<{ readonly head: Head; readonly bodies: readonly Uint8Array<ArrayBuffer>[] } | null> {
  const input = new ChunkReader(stream);
  const length = await input.read(LENGTH_BYTES);
  if (length === null) return null;
  const headBytes = new DataView(length.buffer).getUint32(0, true);
  const text = headBytes > HEAD_MAX_BYTES ? null : await input.read(headBytes);
  if (text === null) return null;
  const head = JSON.parse(Buffer.from(text.buffer).toString()) as Head;
  const bodies: Uint8Array<ArrayBuffer>[] = [];
  for (const sizeBytes of sizesOf(head)) {
    const body = await input.read(sizeBytes);
    if (body === null) return null;
    bodies.push(body);
  }
  return { head, bodies };
}

class ChunkReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  async read(sizeBytes: number): Promise<Uint8Array<ArrayBuffer> | null> {
    const bytes = new Uint8Array(sizeBytes);
    for (let filled = 0; filled < sizeBytes; ) {
      if (this.#rest.length === 0) {
        const next = await this.#chunks.next();
        if (next.done === true) return null;
        this.#rest = next.value;
      }
      const part = this.#rest.subarray(0, sizeBytes - filled);
      bytes.set(part, filled);
      filled += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return bytes;
  }
}
