/**
 * Tape: what the host answered to one run, in order. Bounded: a guest can ask
 * the clock a million times a second, and memory is the server's.
 */
import type { RecordedCall } from "./recording.ts";

export const CALLS_MAX = 50_000;
export const BYTES_MAX = 8 * 1024 * 1024;

export class Tape {
  readonly calls: RecordedCall[] = [];
  #bytes = 0;
  #isCut = false;
  /** Where the answer to a request that the guest waits for will be put. */
  #waiting: number | null = null;

  get sizeBytes(): number {
    return this.#bytes;
  }

  /** There was more: what is here is only the beginning. */
  get isCut(): boolean {
    return this.#isCut;
  }

  add(operation: number | string, digest: string, result: number | null, bytes: Uint8Array | null, number = 0): void {
    if (this.#isCut || !this.#takes(bytes)) return;
    this.calls.push({ operation, digest, result, bytes: base64(bytes), number });
  }

  /** A guest waits for one thing at a time. */
  ask(operation: string, digest: string): void {
    this.#waiting = this.calls.length;
    this.add(operation, digest, null, null);
  }

  answer(result: number, bytes: Uint8Array | null, number: number): void {
    const asked = this.#waiting === null ? undefined : this.calls[this.#waiting];
    if (asked === undefined || !this.#takes(bytes)) return;
    this.calls[this.#waiting!] = { ...asked, result, bytes: base64(bytes), number };
    this.#waiting = null;
  }

  /** Everything so far, which it then no longer holds. */
  cutOff(): RecordedCall[] {
    return this.calls.splice(0);
  }

  #takes(bytes: Uint8Array | null): boolean {
    this.#bytes += bytes?.length ?? 0;
    if (this.calls.length >= CALLS_MAX || this.#bytes > BYTES_MAX) this.#isCut = true;
    return !this.#isCut;
  }
}

function base64(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
