/**
 * Ring wire: messages through shared memory (ring/), the connection for its
 * doorbells. The ring knows messages as bytes and breaks when its own rules are
 * broken; the end of the connection is the end of the ring, once all that came
 * before it has been told.
 */
import type { Duplex } from "node:stream";
import { KIB } from "../../../base/units.ts";
import { RingEnd } from "../ring/ring-end.ts";
import type { RingSide } from "../ring/ring-file.ts";
import type { MessageWire, WireReceiver } from "./message-wire.ts";

const PART_MAX_BYTES = 64 * KIB;
/** Of a ring, what a part takes at most: the process works at one while the next is written. */
const PARTS_IN_RING = 8;

export class RingWire implements MessageWire {
  readonly messageMaxBytes: number;
  readonly partMaxBytes: number;
  receiver: WireReceiver | null = null;
  readonly #end: RingEnd;
  readonly #connection: Duplex;
  #isPaused = false;
  #isClosed = false;
  /** Why the connection has ended; nothing can be asked of the process any more, but what it said is still there. */
  #endedBecause: string | null = null;

  constructor(side: RingSide, connection: Duplex) {
    this.#connection = connection;
    this.#end = new RingEnd(side, connection, {
      message: (message) => {
        if (!this.#isClosed) this.receiver?.onMessage(message, 0, message.length);
      },
      room: () => {
        if (!this.#isClosed) this.receiver?.onRoom();
      },
      broken: (broken) => this.#lose(`it broke its ring: ${broken.message}`),
    });
    this.messageMaxBytes = this.#end.messageMaxBytes;
    this.partMaxBytes = Math.min(PART_MAX_BYTES, Math.floor((2 * this.messageMaxBytes) / PARTS_IN_RING));
    connection.on("end", () => this.#ended("its connection ended"));
    connection.on("error", (error) => this.#ended(`its connection failed: ${error.message}`));
    connection.on("close", () => this.#ended("its connection was closed"));
  }

  get buffer(): Buffer {
    return this.#end.into;
  }

  reserve(bytes: number): number {
    return this.#end.reserve(bytes);
  }

  publish(): void {
    this.#end.commit();
  }

  expect(answers: number): void {
    if (!this.#isClosed) this.#end.expect(answers);
  }

  pause(): void {
    this.#isPaused = true;
    this.#end.pause();
  }

  resume(): void {
    if (!this.#isPaused || this.#isClosed) return;
    this.#isPaused = false;
    this.#end.resume();
    if (this.#endedBecause !== null) queueMicrotask(() => this.#takeRest());
  }

  #ended(why: string): void {
    if (this.#endedBecause !== null || this.#isClosed) return;
    this.#endedBecause = why;
    this.#takeRest();
  }

  #takeRest(): void {
    if (this.#isClosed || this.#isPaused) return;
    this.#end.takeAll();
    // A slow client may have had it stop in the middle.
    if (!this.#isPaused) this.#lose(this.#endedBecause as string);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#end.close();
    this.#connection.destroy();
  }

  #lose(why: string): void {
    if (this.#isClosed) return;
    this.close();
    this.receiver?.onLost(why);
  }
}
