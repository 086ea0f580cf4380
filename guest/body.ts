/**
 * Body: the Fetch standard's body mixin (section 5.3), shared by Request and
 * Response. A body keeps the form it came in (text, bytes, blob, stream) until
 * somebody asks for another, because most are written or read exactly once.
 */
import { Blob } from "./blob.ts";
import { join } from "./bytes.ts";
import { utf8Decode, utf8Encode } from "./encoding.ts";
import { encodeMultipart, FormData, parseMultipart, parseUrlEncoded } from "./form-data.ts";
import { ReadableByteStreamController, ReadableStream } from "./streams.ts";
import { URLSearchParams } from "./url-search-params.ts";

export type BodyInit =
  | string
  | ArrayBuffer
  | ArrayBufferView
  | Blob
  | FormData
  | URLSearchParams
  | ReadableStream
  | AsyncIterable<Uint8Array>
  | null;

/** The form a body is held in; `lazy` makes its stream on first use (incoming request bodies). */
export type BodySource = null | string | Uint8Array | Blob | ReadableStream | LazyStream;

export interface LazyStream {
  readonly open: () => ReadableStream;
}

export interface ExtractedBody {
  readonly source: BodySource;
  /** Content type the body implies, when the caller names none. */
  readonly contentType: string | null;
}

/** "Extract a body" of the standard. Bytes are copied: the caller may go on writing to its buffer. */
export function extractBody(init: unknown): ExtractedBody {
  if (init === null || init === undefined) return { source: null, contentType: null };
  if (typeof init === "string") return { source: init, contentType: "text/plain;charset=UTF-8" };
  if (init instanceof ArrayBuffer) return { source: new Uint8Array(init.slice(0)), contentType: null };
  if (ArrayBuffer.isView(init)) {
    return { source: new Uint8Array(init.buffer, init.byteOffset, init.byteLength).slice(), contentType: null };
  }
  if (init instanceof ReadableStream) {
    if (init.locked) throw new TypeError("The stream given as a body is locked to another reader");
    if (isDisturbed(init)) throw new TypeError("The stream given as a body has been read from");
    return { source: init, contentType: null };
  }
  if (init instanceof URLSearchParams) {
    return { source: init.toString(), contentType: "application/x-www-form-urlencoded;charset=UTF-8" };
  }
  if (init instanceof Blob) return { source: init, contentType: init.type === "" ? null : init.type };
  if (init instanceof FormData) {
    const { body, contentType } = encodeMultipart(init);
    return { source: body, contentType };
  }
  if (typeof init === "object" && Symbol.asyncIterator in init) {
    return { source: streamOf(init as AsyncIterable<unknown>), contentType: null };
  }
  return { source: String(init), contentType: "text/plain;charset=UTF-8" };
}

export abstract class Body {
  protected source: BodySource;
  #stream: ReadableStream | null = null;
  #taken = false;

  constructor(source: BodySource) {
    this.source = source;
  }

  /** Content type for blob() and formData(). */
  protected abstract contentTypeOfBody(): string;

  get body(): ReadableStream | null {
    if (this.source === null) return null;
    if (this.#stream === null) {
      this.#stream = toStream(this.#taken ? "" : this.source);
      if (this.#taken) void this.#stream.getReader().closed.catch(() => {});
    }
    return this.#stream;
  }

  get bodyUsed(): boolean {
    if (this.#taken) return true;
    return this.#stream !== null && isDisturbed(this.#stream);
  }

  async text(): Promise<string> {
    const value = this.take();
    const text = typeof value === "string" ? value.toWellFormed() : utf8Decode(await toBytes(value));
    return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  async bytes(): Promise<Uint8Array> {
    return toBytes(this.take());
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = await this.bytes();
    const whole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
    return (whole ? bytes.buffer : bytes.slice().buffer) as ArrayBuffer;
  }

  async blob(): Promise<Blob> {
    return new Blob([await this.bytes()], { type: this.contentTypeOfBody() });
  }

  async formData(): Promise<FormData> {
    const type = this.contentTypeOfBody();
    const essence = (type.split(";", 1)[0] as string).trim().toLowerCase();
    if (essence === "application/x-www-form-urlencoded") return parseUrlEncoded(await this.text());
    const boundary = /;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(type);
    if (essence !== "multipart/form-data" || boundary === null) {
      throw new TypeError(`formData: the content type ${JSON.stringify(type)} is no form`);
    }
    return parseMultipart(await this.bytes(), (boundary[1] ?? boundary[2]) as string);
  }

  /** Marks the body as used and hands out what it holds. Throws TypeError when it was used or is locked. */
  take(): BodySource {
    if (this.#taken || this.bodyUsed) throw new TypeError("The body has already been used");
    if (this.#stream?.locked) throw new TypeError("The body's stream is locked to a reader");
    if (this.source === null) return null;
    this.#taken = true;
    return this.#stream ?? this.source;
  }

  /** A second body with the same content, and memory of its own: what reads one may write to what it got. */
  protected cloneSource(): BodySource {
    if (this.#taken || this.bodyUsed) throw new TypeError("clone: the body has already been used");
    if (this.#stream?.locked) throw new TypeError("clone: the body's stream is locked to a reader");
    const held = this.#stream ?? this.source;
    if (held === null || typeof held === "string" || held instanceof Blob) return held;
    if (held instanceof Uint8Array) return held.slice();
    const stream = toStream(held);
    // Of byte streams `tee` copies the chunks, of others it shares them.
    const isOfBytes = controllerOf(stream) instanceof ReadableByteStreamController;
    const [mine, theirs] = (isOfBytes ? stream : byteStreamOf(stream)).tee();
    this.#stream = mine;
    return theirs;
  }
}

/** What the standard's algorithms ask of a stream, and its API doesn't tell. */
interface StreamSlots {
  readonly _disturbed?: boolean;
  readonly _readableStreamController?: unknown;
}

function isDisturbed(stream: ReadableStream): boolean {
  return (stream as StreamSlots)._disturbed === true;
}

function controllerOf(stream: ReadableStream): unknown {
  return (stream as StreamSlots)._readableStreamController;
}

function byteStreamOf(stream: ReadableStream): ReadableStream {
  const reader = stream.getReader();
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      let { done, value } = await reader.read();
      while (!done && toChunk(value).byteLength === 0) ({ done, value } = await reader.read());
      // A copy: enqueuing takes the memory from its owner, who may have more to write into it.
      if (!done) controller.enqueue(toChunk(value).slice() as Uint8Array<ArrayBuffer>);
      else {
        controller.close();
        controller.byobRequest?.respond(0);
      }
    },
    cancel: (reason: unknown) => reader.cancel(reason),
  });
}

export function toStream(source: BodySource): ReadableStream {
  if (source instanceof ReadableStream) return source;
  if (source instanceof Blob) return source.stream();
  if (source !== null && typeof source === "object" && "open" in source) return source.open();
  const bytes = typeof source === "string" ? utf8Encode(source) : source;
  return new ReadableStream({
    type: "bytes",
    pull(controller: { enqueue(chunk: Uint8Array): void; close(): void; byobRequest?: { respond(n: number): void } | null }) {
      // A byte stream transfers what it is given: the source must stay whole for clones.
      if (bytes !== null && bytes.byteLength > 0) controller.enqueue(bytes.slice());
      controller.close();
      controller.byobRequest?.respond(0);
    },
  });
}

export async function toBytes(source: BodySource): Promise<Uint8Array> {
  if (source === null) return new Uint8Array(0);
  if (typeof source === "string") return utf8Encode(source);
  if (source instanceof Uint8Array) return source;
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  const reader = toStream(source).getReader();
  const chunks: Uint8Array[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(toChunk(value));
  }
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : join(chunks);
}

/** Streams of bodies carry bytes; text chunks are taken too, as other servers do. */
export function toChunk(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return utf8Encode(value);
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  throw new TypeError("A body stream gave a chunk that is neither bytes nor text");
}

function streamOf(iterable: AsyncIterable<unknown>): ReadableStream {
  const iterator = iterable[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller: { enqueue(chunk: unknown): void; close(): void }) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel(reason: unknown) {
      await iterator.return?.(reason);
    },
  });
}
