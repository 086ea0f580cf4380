/**
 * TextEncoderStream and TextDecoderStream of the Encoding standard: the coders
 * as transforms. A surrogate pair or a character cut by a chunk border stays whole.
 */
import { TextDecoder, utf8Encode } from "./encoding.ts";
import { TransformStream } from "./streams.ts";

export class TextEncoderStream {
  readonly #transform: TransformStream<unknown, Uint8Array>;

  constructor() {
    let lead = "";
    this.#transform = new TransformStream<unknown, Uint8Array>({
      transform(chunk, controller) {
        const text = lead + String(chunk);
        const last = text.charCodeAt(text.length - 1);
        lead = last >= 0xd800 && last < 0xdc00 ? text.slice(-1) : "";
        const bytes = utf8Encode(lead === "" ? text : text.slice(0, -1));
        if (bytes.length > 0) controller.enqueue(bytes);
      },
      flush(controller) {
        if (lead !== "") controller.enqueue(utf8Encode(lead));
      },
    });
  }

  get encoding(): string {
    return "utf-8";
  }
  get readable() {
    return this.#transform.readable;
  }
  get writable() {
    return this.#transform.writable;
  }
  get [Symbol.toStringTag](): string {
    return "TextEncoderStream";
  }
}

export class TextDecoderStream {
  readonly #decoder: TextDecoder;
  readonly #transform: TransformStream<ArrayBuffer | ArrayBufferView, string>;

  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean }) {
    const decoder = new TextDecoder(label, options);
    this.#decoder = decoder;
    this.#transform = new TransformStream<ArrayBuffer | ArrayBufferView, string>({
      transform(chunk, controller) {
        const text = decoder.decode(chunk, { stream: true });
        if (text !== "") controller.enqueue(text);
      },
      flush(controller) {
        const text = decoder.decode();
        if (text !== "") controller.enqueue(text);
      },
    });
  }

  get encoding(): string {
    return this.#decoder.encoding;
  }
  get fatal(): boolean {
    return this.#decoder.fatal;
  }
  get ignoreBOM(): boolean {
    return this.#decoder.ignoreBOM;
  }
  get readable() {
    return this.#transform.readable;
  }
  get writable() {
    return this.#transform.writable;
  }
  get [Symbol.toStringTag](): string {
    return "TextDecoderStream";
  }
}
