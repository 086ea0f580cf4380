/**
 * Ring end: both directions of one side and the connection that its doorbells go
 * over, as something that sends messages and tells of those that came. Who uses
 * it never sees a head, a tail or a sleep (ring-producer.ts, ring-consumer.ts,
 * doorbell.ts). Messages are bytes here: what they mean is the link's business.
 */
import type { Duplex } from "node:stream";
import { Doorbell } from "./doorbell.ts";
import { RingBroken } from "./ring-broken.ts";
import type { RingConsumer } from "./ring-consumer.ts";
import type { RingSide } from "./ring-file.ts";
import { entryBytesOf } from "./ring-layout.ts";
import { NO_ROOM, type RingProducer } from "./ring-producer.ts";

export interface RingEndEvents {
  /** A message, in memory of its own. */
  message(message: Buffer): void;
  /** There may be room again for what `reserve` refused. */
  room(): void;
  /** The other side broke the ring; nothing else is told after it. The end of the connection is told by the connection. */
  broken(broken: RingBroken): void;
}

/** So many messages, or so many bytes, are taken before other connections have their turn. */
const MESSAGES_A_TURN = 64;
const BYTES_A_TURN = 1024 * 1024;

export class RingEnd {
  readonly #producer: RingProducer;
  readonly #consumer: RingConsumer;
  readonly #events: RingEndEvents;
  readonly #doorbell: Doorbell;
  /** Bytes of the message that no room was found for; -1 when none waits. */
  #refusedBytes = -1;
  #isPaused = false;
  #isClosed = false;

  constructor({ producer, consumer }: RingSide, connection: Duplex, events: RingEndEvents) {
    this.#producer = producer;
    this.#consumer = consumer;
    this.#events = events;
    const sleeper = {
      // While nothing is to be taken, no message shall wake us, and none keeps us awake.
      fallAsleep: () => this.#isPaused || this.#isGone || consumer.fallAsleep(),
      wake: () => {
        if (!this.#isGone) consumer.wake();
      },
    };
    this.#doorbell = new Doorbell(connection, sleeper, () => this.#look());
  }

  /** Memory of the ring, to write what `reserve` gave. Nothing may be read back from it. */
  get into(): Buffer {
    return this.#producer.into;
  }

  get messageMaxBytes(): number {
    return this.#producer.messageMaxBytes;
  }

  /** Where in `into` a message of so many bytes is to be written before `commit`; NO_ROOM when there is none: `room` will tell. */
  reserve(messageBytes: number): number {
    if (this.#isClosed || this.#isGone) return NO_ROOM;
    const at = this.#producer.reserve(messageBytes);
    if (at !== NO_ROOM) return at;
    if (this.#producer.broken === null && !this.#producer.waitForRoom(messageBytes)) return this.#producer.reserve(messageBytes);
    if (this.#producer.broken !== null) this.#break(this.#producer.broken);
    else {
      this.#refusedBytes = messageBytes;
      this.#doorbell.stir();
    }
    return NO_ROOM;
  }

  /** Sends what was written there. */
  commit(): void {
    if (this.#isClosed || this.#isGone) return;
    this.#producer.commit();
    if (this.#producer.isConsumerAsleep()) this.#doorbell.ring();
  }

  /** How many answers are on their way: while there are some, it may be worth staying awake for them. */
  expect(answers: number): void {
    this.#doorbell.expect(answers > 0);
  }

  /** Takes no more messages, from within `message` too; of room it still tells. */
  pause(): void {
    this.#isPaused = true;
  }

  /** What has come meanwhile is told of in a later turn. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (!this.#isClosed) this.#doorbell.stir();
  }

  /** Takes now what has come: for when the connection has ended, behind which nobody rings. One ring at most, whatever is still being written. */
  takeAll(): void {
    if (!this.#isClosed && !this.#isGone) this.#take(Infinity, this.into.length);
  }

  /** The file was closed under us: its memory is no memory any more. */
  get #isGone(): boolean {
    return this.into.length === 0;
  }

  /** Nothing is told after it. The connection stays as it is. */
  close(): void {
    this.#isClosed = true;
    this.#doorbell.close();
  }

  /** Whether anything came. */
  #look(): boolean {
    if (this.#isGone) this.close();
    if (this.#isClosed) return true;
    const count = this.#take(MESSAGES_A_TURN, BYTES_A_TURN);
    if (this.#isClosed || this.#isGone) return true;
    if (count > 0 && this.#consumer.isProducerWaiting()) this.#doorbell.ring();
    return this.#lookForRoom() || count > 0;
  }

  /** How many it took. */
  #take(messagesMax: number, bytesMax: number): number {
    let bytes = 0;
    let count = 0;
    while (count < messagesMax && bytes < bytesMax && !this.#isPaused) {
      const message = this.#consumer.read();
      if (message === null) break;
      if (message instanceof RingBroken) {
        this.#break(message);
        break;
      }
      count++;
      bytes += entryBytesOf(message.length);
      this.#events.message(message);
      if (this.#isClosed || this.#isGone) break;
    }
    return count;
  }

  #lookForRoom(): boolean {
    if (this.#refusedBytes < 0) return false;
    const at = this.#producer.reserve(this.#refusedBytes);
    if (this.#producer.broken !== null) this.#break(this.#producer.broken);
    if (at === NO_ROOM) return false;
    this.#producer.stopWaiting();
    this.#refusedBytes = -1;
    this.#events.room();
    return true;
  }

  #break(broken: RingBroken): void {
    if (this.#isClosed) return;
    this.close();
    // Not within a call of the link's, which is in the middle of something.
    queueMicrotask(() => this.#events.broken(broken));
  }
}
