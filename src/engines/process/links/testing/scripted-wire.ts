/**
 * A wire without an instance: what a link sends is kept, what an instance would
 * say is put in its mouth. As strict with the link as a real one would be.
 */
import assert from "node:assert/strict";
import type { MessageWire, WireReceiver } from "../message-wire.ts";
import { emptyMessage, HEADER_BYTES, KIND, type Message, readHeader, writeHeader } from "../messages.ts";

export interface SentMessage extends Readonly<Message> {
  readonly head: string;
  readonly body: string;
}

export interface Said {
  readonly call?: number;
  readonly status?: number;
  readonly head?: string;
  readonly body?: string | Uint8Array;
  readonly isEnd?: boolean;
}

export class ScriptedWire implements MessageWire {
  readonly messageMaxBytes = 1_024;
  readonly partMaxBytes = 256;
  readonly buffer = Buffer.alloc(2_048, 0xee);
  receiver: WireReceiver | null = null;
  readonly sent: SentMessage[] = [];
  /** Messages that it takes before it has no more room. */
  roomCount = Infinity;
  isPaused = false;
  isClosed = false;
  #isRoomWanted = false;
  #reservedBytes = 0;
  readonly #untold: Buffer[] = [];

  reserve(bytes: number): number {
    assert.equal(this.#reservedBytes, 0, "reserved twice");
    assert.ok(!this.isClosed, "reserved behind the end");
    assert.ok(bytes >= HEADER_BYTES && bytes <= this.messageMaxBytes, `reserved ${bytes} bytes`);
    if (this.roomCount === 0) {
      this.#isRoomWanted = true;
      return -1;
    }
    this.#reservedBytes = bytes;
    return 7;
  }

  publish(): void {
    const bytes = this.#reservedBytes;
    assert.notEqual(bytes, 0, "published nothing");
    this.#reservedBytes = 0;
    this.roomCount--;
    const message = emptyMessage();
    assert.equal(readHeader(this.buffer, 7, bytes, message), null);
    const headAt = 7 + HEADER_BYTES;
    const head = this.buffer.toString("latin1", headAt, headAt + message.headBytes);
    const body = this.buffer.toString("latin1", headAt + message.headBytes, 7 + bytes);
    this.sent.push({ ...message, head, body });
  }

  /** What the link said last. */
  expectedCount = 0;

  expect(answers: number): void {
    this.expectedCount = answers;
  }

  pause(): void {
    this.isPaused = true;
  }

  /** Goes on with `goOn`, as a real one does with a later turn. */
  resume(): void {
    this.isPaused = false;
  }

  close(): void {
    this.isClosed = true;
  }

  makeRoom(messageCount = Infinity): void {
    this.roomCount = messageCount;
    if (!this.#isRoomWanted || this.isClosed) return;
    this.#isRoomWanted = false;
    this.receiver?.onRoom();
  }

  say(kind: number, { call = 0, status = 0, head = "", body = "", isEnd = false }: Said = {}): void {
    const headBytes = Buffer.from(head, "latin1");
    const bodyBytes = Buffer.from(body as string);
    const message = Buffer.alloc(HEADER_BYTES + headBytes.length + bodyBytes.length);
    writeHeader(message, 0, kind, isEnd, status, call, headBytes.length, bodyBytes.length);
    headBytes.copy(message, HEADER_BYTES);
    bodyBytes.copy(message, HEADER_BYTES + headBytes.length);
    this.sayBytes(message);
  }

  sayBytes(message: Buffer): void {
    this.#untold.push(message);
    this.goOn();
  }

  goOn(): void {
    while (!this.isPaused && !this.isClosed) {
      const message = this.#untold.shift();
      if (message === undefined) return;
      this.receiver?.onMessage(message, 0, message.length);
    }
  }

  /** A whole answer. */
  answer(call: number, body = "ok", head = "a: b\n", status = 200): void {
    this.say(KIND.response, { call, status, head, body, isEnd: true });
  }

  pong(): void {
    const ping = this.sent.findLast((message) => message.kind === KIND.ping);
    assert.ok(ping !== undefined, "no PING was sent");
    this.say(KIND.pong, { body: Buffer.from(ping.body, "latin1") });
  }

  kinds(): number[] {
    return this.sent.map((message) => message.kind);
  }
}
