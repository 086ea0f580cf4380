/**
 * Standard streams of one guest process. Input is the request, whole before the
 * call (or live, for `pilotlight run`); output is collected up to a limit, and
 * what passes it ends the guest: an answer cut short would be taken for one.
 */
import { type Channel, CONTROL, SYSTEM_OPERATION } from "./channel.ts";

/** Thrown through the guest's frames; the shim's entry catches it. */
export class OutputTooLarge extends Error {}

export interface Input {
  /** How many bytes were read into `into`; 0 at the end. */
  read(into: Uint8Array): number;
  /** Bytes that can be read without waiting. */
  readonly availableBytes: number;
}

export interface Output {
  write(bytes: Uint8Array): number;
}

export class BufferedInput implements Input {
  #bytes: Uint8Array = new Uint8Array(0);
  #position = 0;

  /** Bytes are not copied: they stay as they are until the call has ended. */
  set(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#position = 0;
  }

  get availableBytes(): number {
    return this.#bytes.length - this.#position;
  }

  read(into: Uint8Array): number {
    const count = Math.min(into.length, this.availableBytes);
    if (count === 0) return 0;
    into.set(this.#bytes.subarray(this.#position, this.#position + count));
    this.#position += count;
    return count;
  }
}

/** What a full stream does: end the guest, or drop the rest (standard error is only log text). */
export type WhenFull = "end" | "drop";

const FIRST_BYTES = 4 * 1024;

/**
 * What was written so far, where the host finds it when it ends the guest in the
 * middle: an isolate that is gone can't be asked. In the outbox, which has room
 * for it and nothing else in it until the run is over. What is there when the
 * guest waits the host takes, for another may run before it goes on.
 */
export class WrittenSoFar {
  readonly #outbox: Uint8Array;
  readonly #control: Int32Array;

  constructor({ outbox, control }: Channel) {
    this.#outbox = outbox;
    this.#control = control;
  }

  begin(bytes: Uint8Array): void {
    this.#control[CONTROL.writtenLength] = 0;
    this.add(bytes);
  }

  add(bytes: Uint8Array): void {
    const at = this.#control[CONTROL.writtenLength]!;
    this.#outbox.set(bytes, at);
    // Last: the host may read at any time.
    this.#control[CONTROL.writtenLength] = at + bytes.length;
  }
}

export class BufferedOutput implements Output {
  readonly #maxBytes: number;
  readonly #whenFull: WhenFull;
  readonly #soFar: WrittenSoFar | null;
  #buffer = new Uint8Array(FIRST_BYTES);
  #length = 0;

  constructor(maxBytes: number, whenFull: WhenFull, soFar: WrittenSoFar | null = null) {
    this.#maxBytes = maxBytes;
    this.#whenFull = whenFull;
    this.#soFar = soFar;
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Back to a length it had before: an image keeps what was written before it was taken. */
  truncate(length: number): void {
    this.#length = length;
    this.#soFar?.begin(this.bytes);
  }

  write(bytes: Uint8Array): number {
    const room = this.#maxBytes - this.#length;
    if (bytes.length > room) {
      if (this.#whenFull === "end") throw new OutputTooLarge();
      this.#append(bytes.subarray(0, room));
    } else this.#append(bytes);
    return bytes.length;
  }

  #append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.min(this.#maxBytes, Math.max(length, 2 * this.#buffer.length)));
      larger.set(this.bytes);
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = length;
    this.#soFar?.add(bytes);
  }
}

/** The host's own standard input, read when the guest asks. */
export class LiveInput implements Input {
  readonly #channel: Channel;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** Unknown until it is asked for: a reader may have to wait. */
  get availableBytes(): number {
    return 1;
  }

  read(into: Uint8Array): number {
    const { window, call } = this.#channel;
    const count = call(SYSTEM_OPERATION.readStdin, Math.min(into.length, window.length), 0, 0, 0, 0);
    if (count > 0) into.set(window.subarray(0, count));
    return count;
  }
}

export class LiveOutput implements Output {
  readonly #channel: Channel;
  readonly #stream: 1 | 2;

  constructor(channel: Channel, stream: 1 | 2) {
    this.#channel = channel;
    this.#stream = stream;
  }

  write(bytes: Uint8Array): number {
    const { window, call } = this.#channel;
    const part = bytes.subarray(0, window.length);
    window.set(part);
    return call(SYSTEM_OPERATION.writeStream, this.#stream, part.length, 0, 0, 0);
  }
}
