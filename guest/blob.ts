/**
 * Blob and File of the File API. A blob's bytes never change; slices look at
 * the same memory, and everything handed out is a copy.
 */
import { join } from "./bytes.ts";
import { utf8Decode, utf8Encode, viewOf } from "./encoding.ts";
import { ReadableStream } from "./streams.ts";

const STREAM_CHUNK_BYTES = 64 * 1024;

export type BlobPart = string | ArrayBuffer | ArrayBufferView | Blob;

export interface BlobOptions {
  type?: string;
  endings?: "transparent" | "native";
}

let bytesOf: (blob: Blob) => Uint8Array;
let adopt: (blob: Blob, bytes: Uint8Array) => void;

export class Blob {
  #bytes: Uint8Array;
  readonly #type: string;

  static {
    bytesOf = (blob) => blob.#bytes;
    adopt = (blob, bytes) => {
      blob.#bytes = bytes;
    };
  }

  constructor(parts: Iterable<BlobPart> = [], options: BlobOptions | null = {}) {
    if (typeof parts !== "object" || parts === null || typeof parts[Symbol.iterator] !== "function") {
      throw new TypeError("Blob: the parts are not a list");
    }
    this.#bytes = join([...parts].map((part) => bytesOfPart(part, options?.endings === "native")));
    const type = String(options?.type ?? "");
    this.#type = /[^\x20-\x7e]/.test(type) ? "" : type.toLowerCase();
  }

  get size(): number {
    return this.#bytes.byteLength;
  }
  get type(): string {
    return this.#type;
  }

  slice(start = 0, end: number = this.size, type = ""): Blob {
    const slice = new Blob([], { type });
    adopt(slice, this.#bytes.subarray(clampedIndex(start), clampedIndex(end)));
    return slice;
  }

  async text(): Promise<string> {
    const text = utf8Decode(this.#bytes);
    return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return this.#bytes.slice().buffer as ArrayBuffer;
  }

  async bytes(): Promise<Uint8Array> {
    return this.#bytes.slice();
  }

  stream(): ReadableStream<Uint8Array> {
    let at = 0;
    const bytes = this.#bytes;
    return new ReadableStream({
      type: "bytes",
      pull(controller) {
        if (at < bytes.byteLength) {
          const chunk = bytes.slice(at, at + STREAM_CHUNK_BYTES);
          at += chunk.byteLength;
          controller.enqueue(chunk);
        }
        if (at >= bytes.byteLength) {
          controller.close();
          // A reader that brought its own buffer waits for an answer even at the end.
          controller.byobRequest?.respond(0);
        }
      },
    });
  }

  get [Symbol.toStringTag](): string {
    return "Blob";
  }
}

export class File extends Blob {
  readonly name: string;
  readonly lastModified: number;

  constructor(parts: Iterable<BlobPart>, name: string, options: (BlobOptions & { lastModified?: number }) | null = {}) {
    if (name === undefined) throw new TypeError("File: parts and a name are required");
    super(parts, options);
    this.name = `${name}`.toWellFormed();
    this.lastModified = options?.lastModified === undefined ? Date.now() : Math.trunc(Number(options.lastModified)) || 0;
  }

  get webkitRelativePath(): string {
    return "";
  }

  override get [Symbol.toStringTag](): string {
    return "File";
  }
}

/** The blob's own memory: for reading only. */
export function blobBytes(blob: Blob): Uint8Array {
  return bytesOf(blob);
}

function bytesOfPart(part: unknown, nativeEndings: boolean): Uint8Array {
  if (part instanceof Blob) return bytesOf(part);
  if (part instanceof ArrayBuffer || ArrayBuffer.isView(part)) return viewOf(part);
  const text = `${part as string}`;
  return utf8Encode(nativeEndings ? text.replace(/\r\n|\r/g, "\n") : text);
}

/** subarray counts from the end for negatives and clamps, as slice must; only NaN and fractions need care. */
function clampedIndex(value: unknown): number {
  return Math.trunc(Number(value)) || 0;
}
