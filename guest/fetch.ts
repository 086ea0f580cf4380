/**
 * fetch of the Fetch standard, section 5.6, over the host's operations: the
 * host checks what may be reached, follows redirects and decodes. Bodies that
 * are whole cross with the head; streams are pulled and pushed chunk by chunk.
 */

import { toBytes, toChunk } from "./body.ts";
import { current, hostAsync, hostSync } from "./bridge.ts";
import { Request, type RequestInit } from "./request.ts";
import { type NetworkHead, networkResponse, type Response } from "./response.ts";
import { ReadableStream } from "./streams.ts";
import type { URL } from "./url.ts";

const WRITE_SLICE_BYTES = 256 * 1024;

interface Head extends NetworkHead {
  readonly body: Uint8Array | null | "stream";
}

export async function fetch(input: Request | URL | string, init?: RequestInit | null): Promise<Response> {
  const request = new Request(input, init);
  const { signal } = request;
  signal.throwIfAborted();
  const source = request.take();
  const stream = source instanceof ReadableStream || (source !== null && typeof source === "object" && "open" in source);
  const whole = stream || source === null ? null : await toBytes(source);
  const handle = hostSync("fetch.open", {
    url: request.url,
    method: request.method,
    headers: [...request.headers].map(([name, value]) => [name, value]),
    redirect: request.redirect,
    callId: current.callId,
    body: stream ? "stream" : whole === null ? null : whole.slice(),
  }) as number;
  const exchange = new Exchange(handle, signal);
  const upload = stream ? exchange.send(source instanceof ReadableStream ? source : (source as { open(): ReadableStream }).open()) : null;
  upload?.catch(() => {});
  const head = await exchange.head();
  return networkResponse(head, head.body === "stream" ? exchange.bodyStream() : head.body);
}

/** One handle at the host and the signal that ends it. */
class Exchange {
  readonly #handle: number;
  readonly #signal: Request["signal"];
  readonly #onAbort = (): void => this.#abort();
  #rejectOnAbort: ((reason: unknown) => void) | null = null;
  #readController: { error(reason: unknown): void } | null = null;

  constructor(handle: number, signal: Request["signal"]) {
    this.#handle = handle;
    this.#signal = signal;
    signal.addEventListener("abort", this.#onAbort);
  }

  async head(): Promise<Head> {
    const aborted = new Promise<never>((_resolve, reject) => {
      this.#rejectOnAbort = reject;
    });
    try {
      const head = (await Promise.race([hostAsync("fetch.response", this.#handle), aborted])) as Head;
      if (head.body !== "stream") this.#done();
      return head;
    } catch (error) {
      this.#done();
      throw error;
    } finally {
      this.#rejectOnAbort = null;
    }
  }

  bodyStream(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>({
      type: "bytes",
      start: (controller) => {
        this.#readController = controller;
      },
      pull: async (controller) => {
        try {
          const chunk = (await hostAsync("fetch.read", this.#handle)) as Uint8Array<ArrayBuffer> | null;
          if (chunk !== null) {
            if (chunk.byteLength > 0) controller.enqueue(chunk);
            return;
          }
        } catch (error) {
          this.#done();
          throw this.#signal.aborted ? this.#signal.reason : error;
        }
        this.#done();
        controller.close();
        controller.byobRequest?.respond(0);
      },
      cancel: () => {
        this.#done();
        hostSync("fetch.abort", this.#handle);
      },
    });
  }

  /** Pushes the request body; a body that fails aborts the request, so that no short body passes for whole. */
  async send(body: ReadableStream): Promise<void> {
    const reader = body.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        const bytes = toChunk(value);
        for (let at = 0; at < bytes.byteLength; at += WRITE_SLICE_BYTES) {
          await hostAsync("fetch.write", this.#handle, bytes.slice(at, at + WRITE_SLICE_BYTES));
        }
      }
      await hostAsync("fetch.write", this.#handle, null);
    } catch (error) {
      this.#rejectOnAbort?.(error);
      hostSync("fetch.abort", this.#handle);
      await reader.cancel(error);
    }
  }

  #abort(): void {
    const { reason } = this.#signal;
    this.#rejectOnAbort?.(reason);
    this.#readController?.error(reason);
    this.#done();
    hostSync("fetch.abort", this.#handle);
  }

  #done(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
  }
}
