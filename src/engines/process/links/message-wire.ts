/**
 * Message wire: carries whole messages to one instance and back; the ring and
 * the frames of a socket are two. Knows how long a message is and nothing else
 * of it. What cannot be written yet waits with its owner, not here: a wire
 * holds a bounded number of bytes, whatever the instance does.
 */

export interface MessageWire {
  readonly messageMaxBytes: number;
  /** A body that is sent in parts is best cut into messages of this size. */
  readonly partMaxBytes: number;
  /** Where `reserve` made room last. */
  readonly buffer: Buffer;
  /**
   * Room for a message of so many bytes, at most messageMaxBytes: its offset in `buffer`,
   * or -1 when there is none now, and then `onRoom` follows. Written before anything else is asked of the wire.
   */
  reserve(bytes: number): number;
  /** The message that was reserved last is written. */
  publish(): void;
  /** How many calls have no answer yet: it may be worth staying awake for those. */
  expect(answers: number): void;
  /** Stops telling of messages; the one being told of is the last. What was told to go on tells later, never within the call. */
  pause(): void;
  resume(): void;
  /** Nothing is told from now on. */
  close(): void;
  receiver: WireReceiver | null;
}

export interface WireReceiver {
  /** A whole message, in memory that the instance can't reach and that nobody uses again: parts of it may be kept. */
  onMessage(buffer: Buffer, at: number, bytes: number): void;
  /** There is room again. */
  onRoom(): void;
  /** The connection has ended, or the instance broke the rules of the wire itself: once, and the last that is told. */
  onLost(why: string): void;
}
