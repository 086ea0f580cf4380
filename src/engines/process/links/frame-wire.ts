/**
 * Frame wire: messages on a stream, each behind a u32 that says how many bytes
 * it has (docs/process-protocol.md, "Frames"). What is written in one turn of
 * the loop leaves in one write. Reads at most one message ahead of its owner;
 * holds at most BACKLOG_MAX_BYTES that the instance has not taken.
 */
import type { Duplex } from "node:stream";
import { assert } from "../../../base/assert.ts";
import { KIB, MIB } from "../../../base/units.ts";
import type { MessageWire, WireReceiver } from "./message-wire.ts";
import { HEADER_BYTES } from "./messages.ts";

export const MESSAGE_MAX_BYTES = MIB;
const LENGTH_BYTES = 4;
/** Of what is written, until the stream takes it; never used again, because the stream keeps it while it can't. */
const SLAB_BYTES = 64 * KIB;
/** Not written, or written and not taken by the instance's end of the socket. One message always finds room when nothing waits. */
export const BACKLOG_MAX_BYTES = 256 * KIB;

export class FrameWire implements MessageWire {
  readonly messageMaxBytes = MESSAGE_MAX_BYTES;
  readonly partMaxBytes = SLAB_BYTES - LENGTH_BYTES;
  buffer: Buffer = Buffer.alloc(0);
  receiver: WireReceiver | null = null;
  readonly #stream: Duplex;
  /** The instance's end of the socket has what was given. */
  readonly #taken = (): void => {
    if (!this.#isRoomWanted || this.#isClosed) return;
    this.#isRoomWanted = false;
    this.receiver?.onRoom();
  };
  /** Of `buffer`: what is written by now, and what the stream has been given. */
  #filledBytes = 0;
  #givenBytes = 0;
  #reservedBytes = 0;
  #isGiving = false;
  /** While something was refused, something is under way: its end tells of room ("drain" would only where the stream asked for less). */
  #isRoomWanted = false;
  /** A message that has not come whole, with its length before it. */
  #partial: Buffer | null = null;
  #partialBytes = 0;
  /** Came while nothing was to be told of. */
  #unread: Buffer | null = null;
  #isPaused = false;
  /** Why nothing more will come; what has come is told first. */
  #endedBecause: string | null = null;
  #isClosed = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on("data", (chunk: Buffer) => this.#read(chunk));
    stream.on("end", () => this.#ended("its connection ended"));
    stream.on("error", (error) => this.#ended(`its connection failed: ${error.message}`));
    stream.on("close", () => this.#ended("its connection was closed"));
  }

  reserve(bytes: number): number {
    assert(bytes <= this.messageMaxBytes, "a message was longer than a frame may be");
    const frameBytes = LENGTH_BYTES + bytes;
    const backlogBytes = this.#stream.writableLength + this.#filledBytes - this.#givenBytes;
    if (backlogBytes > 0 && backlogBytes + frameBytes > BACKLOG_MAX_BYTES) {
      this.#isRoomWanted = true;
      return -1;
    }
    if (this.#filledBytes + frameBytes > this.buffer.length) {
      this.#give();
      this.buffer = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, frameBytes));
      this.#filledBytes = 0;
      this.#givenBytes = 0;
    }
    this.buffer.writeUInt32LE(bytes, this.#filledBytes);
    this.#reservedBytes = frameBytes;
    return this.#filledBytes + LENGTH_BYTES;
  }

  publish(): void {
    this.#filledBytes += this.#reservedBytes;
    this.#reservedBytes = 0;
    this.#giveSoon();
  }

  /** The loop sees to that. */
  expect(): void {}

  #giveSoon(): void {
    if (this.#isGiving) return;
    this.#isGiving = true;
    process.nextTick(giveNow, this);
  }

  /** By the tick. */
  giveAll(): void {
    this.#isGiving = false;
    this.#give();
  }

  #give(): void {
    if (this.#isClosed || this.#givenBytes === this.#filledBytes) return;
    this.#stream.write(this.buffer.subarray(this.#givenBytes, this.#filledBytes), this.#taken);
    this.#givenBytes = this.#filledBytes;
  }

  #read(chunk: Buffer): void {
    if (this.#isClosed) return;
    if (this.#isPaused) {
      // A stream may have one more in hand when it is paused.
      this.#unread = this.#unread === null ? chunk : Buffer.concat([this.#unread, chunk]);
      return;
    }
    let at = 0;
    while (at < chunk.length) {
      at = this.#partial === null ? this.#readMessage(chunk, at) : this.#readRest(this.#partial, chunk, at);
      if (this.#isClosed) return;
      if (this.#isPaused) {
        this.#unread = at < chunk.length ? chunk.subarray(at) : null;
        return;
      }
    }
  }

  /** A message that lies whole in the chunk, or else the beginning of one. Returns what comes behind it. */
  #readMessage(chunk: Buffer, at: number): number {
    const left = chunk.length - at;
    if (left < LENGTH_BYTES) return this.#keep(chunk, at, LENGTH_BYTES);
    const bytes = chunk.readUInt32LE(at);
    if (!this.#isPossible(bytes)) return chunk.length;
    const frameBytes = LENGTH_BYTES + bytes;
    if (left < frameBytes) return this.#keep(chunk, at, frameBytes);
    this.receiver?.onMessage(chunk, at + LENGTH_BYTES, bytes);
    return at + frameBytes;
  }

  #isPossible(bytes: number): boolean {
    if (bytes >= HEADER_BYTES && bytes <= this.messageMaxBytes) return true;
    this.#lose(`it broke the protocol: a frame of ${bytes} bytes, where ${HEADER_BYTES} to ${this.messageMaxBytes} are possible`);
    return false;
  }

  #keep(chunk: Buffer, at: number, wantedBytes: number): number {
    this.#partial = Buffer.allocUnsafeSlow(wantedBytes);
    this.#partialBytes = chunk.copy(this.#partial, 0, at);
    return chunk.length;
  }

  #readRest(partial: Buffer, chunk: Buffer, at: number): number {
    const copied = chunk.copy(partial, this.#partialBytes, at);
    this.#partialBytes += copied;
    if (this.#partialBytes < partial.length) return chunk.length;
    const bytes = partial.readUInt32LE(0);
    if (partial.length === LENGTH_BYTES) {
      if (!this.#isPossible(bytes)) return chunk.length;
      // Now its length is known.
      this.#partial = Buffer.allocUnsafeSlow(LENGTH_BYTES + bytes);
      partial.copy(this.#partial);
    } else {
      this.#partial = null;
      this.receiver?.onMessage(partial, LENGTH_BYTES, bytes);
    }
    return at + copied;
  }

  pause(): void {
    this.#isPaused = true;
    this.#stream.pause();
  }

  resume(): void {
    if (!this.#isPaused || this.#isClosed) return;
    this.#isPaused = false;
    queueMicrotask(() => this.#goOn());
  }

  #goOn(): void {
    if (this.#isPaused || this.#isClosed) return;
    const unread = this.#unread;
    this.#unread = null;
    if (unread !== null) this.#read(unread);
    if (this.#isPaused || this.#isClosed) return;
    if (this.#endedBecause === null) this.#stream.resume();
    else this.#loseEnd(this.#endedBecause);
  }

  #ended(why: string): void {
    this.#endedBecause ??= why;
    if (!this.#isPaused && this.#unread === null) this.#loseEnd(this.#endedBecause);
  }

  #loseEnd(why: string): void {
    this.#lose(this.#partial === null ? why : `${why} within a message`);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#partial = null;
    this.#unread = null;
    this.#stream.destroy();
  }

  #lose(why: string): void {
    if (this.#isClosed) return;
    this.close();
    this.receiver?.onLost(why);
  }
}

function giveNow(wire: FrameWire): void {
  wire.giveAll();
}
