/** What two processes are to do with a ring, or a socket, and what the first of them found. */

export type RingWay =
  /** No ring: cache lines and a word, what the machine itself takes. */
  | "bare"
  /** Both look without pause, messages are copied out before anybody looks at them. */
  | "take"
  /** The same, each message in memory that it keeps. */
  | "read"
  /** The same, and messages are looked at where they lie. */
  | "view"
  /** A unix socket, both asleep between messages. */
  | "socket"
  /** A ring whose ends sleep, rung for over a unix socket. */
  | "doorbell"
  /** Messages one way as fast as they go, copied out. */
  | "one-way"
  /** No second process: one thread writes and reads, as the Aetherless page's benchmark does. */
  | "one-thread";

/** Of a spinning pair, how messages are read. */
export type SpinningWay = "take" | "read" | "view";

export interface RingJob {
  readonly way: RingWay;
  readonly messageBytes: number;
  readonly capacityBytes: number;
  readonly hasCrc: boolean;
  /** Between two round trips, so that both sides have gone to sleep; 0: none. */
  readonly pauseMs: number;
  readonly warmUpMs: number;
  readonly measuredMs: number;
  /** As it has to be started, the job and a socket's path are added. */
  readonly peerCommand: readonly string[];
}

export interface RingMeasured {
  /** Median of a round trip, or of a write and a read. */
  readonly us: number;
  /** Of messages, one way; NaN for round trips. */
  readonly gbPerS: number;
}

/** Ends the other side of a spinning pair. */
export const STOP = Buffer.alloc(0);

/** Of "bare", as indexes of 32 bits: the words of both sides, and their lines. */
export const BARE = { asked: 32, answered: 96, question: 1_024, answer: 32_768, line: 16, bytes: 256 * 1_024 } as const;

/** A pair whose other side died must not spin for ever. */
export const PEER_MAX_MS = 60_000;
