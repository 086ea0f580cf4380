/**
 * Channel: how the shim talks to the host. One block of shared memory, in three
 * parts, and one callback that takes numbers: nothing is cloned, nothing is
 * allocated. The host writes a request's input into the inbox before it enters;
 * the shim leaves output in the outbox; the window carries the arguments and
 * results of host calls. The guest's own code can reach none of it.
 */

/** Of WebAssembly: memories are counted in these. */
export const WASM_PAGE_BYTES = 64 * 1024;

export const CHANNEL = {
  controlBytes: 64,
  inboxBytes: 64 * 1024,
  outboxBytes: 64 * 1024,
  windowBytes: 64 * 1024,
} as const;

/** Int32 words of the control part: what a call came to. */
export const CONTROL = {
  /** Bytes of standard output; beyond the outbox they are returned apart. */
  stdoutLength: 0,
  stderrLength: 1,
  exitCode: 2,
  /** Bits of `NOTED`. */
  noted: 3,
  /** Bytes of UTF-16 text in the window that say why it trapped. */
  failureLength: 4,
  /** Pages of 64 KiB that runs which wait hold between them. */
  heldPages: 5,
  /** Bytes of standard error in the outbox, which are nobody's until the run is over: for when it is ended before (streams.ts). */
  writtenLength: 6,
} as const;

/** Kinds of end, the value that an entry returns. */
export const ENDED = { exited: 0, trapped: 1, outputTooLarge: 2, waiting: 3, heldTooMuch: 4 } as const;

/** What a run did that decides how later ones may start; `touchedRequest`: it logged, or asked how much input there is. */
export const NOTED = { readClock: 1, readRandom: 2, usedHost: 4, openedFile: 8, touchedRequest: 16, slept: 64 } as const;

/** A run that may wait is over: one of ENDED; `apart` is output that does not fit the outbox. The channel holds the rest until this returns. */
export type RunEnded = (runId: number, ended: number, apart: ArrayBuffer | null) => void;

/**
 * Runs a host operation to its end: a result of zero or more, or a negative
 * WASI error code. Bytes go through the window both ways, from its start.
 */
export type HostCall = (operation: number, a: number, b: number, c: number, d: number, e: number) => number;

export interface Channel {
  readonly control: Int32Array;
  readonly inbox: Uint8Array;
  readonly outbox: Uint8Array;
  readonly window: Uint8Array;
  readonly call: HostCall;
}

export const BLOCK_BYTES = CHANNEL.controlBytes + CHANNEL.inboxBytes + CHANNEL.outboxBytes + CHANNEL.windowBytes;

/** The parts of a block of BLOCK_BYTES. */
export function partsOf(shared: SharedArrayBuffer): Omit<Channel, "call"> {
  const { controlBytes, inboxBytes, outboxBytes, windowBytes } = CHANNEL;
  return {
    control: new Int32Array(shared, 0, controlBytes / 4),
    inbox: new Uint8Array(shared, controlBytes, inboxBytes),
    outbox: new Uint8Array(shared, controlBytes + inboxBytes, outboxBytes),
    window: new Uint8Array(shared, controlBytes + inboxBytes + outboxBytes, windowBytes),
  };
}

export function channelOn(shared: SharedArrayBuffer, call: HostCall): Channel {
  return { ...partsOf(shared), call };
}

/** Imports that may have to wait: an instance that can be suspended takes a little longer to enter, and only they need one. */
export const MAY_WAIT: ReadonlySet<string> = new Set([
  "poll_oneoff",
  "host_db_query",
  "host_kv_set",
  "host_kv_get",
  "host_mutex_lock",
  "host_mutex_unlock",
  "host_s3_put",
  "host_s3_get",
  "host_enqueue",
  "host_http_get",
  "kv_get",
  "kv_set",
  "kv_delete",
  "sql_query",
  "blob_get",
  "blob_put",
  "queue_send",
  "lock_acquire",
  "lock_release",
  "http_get",
]);

/**
 * Operation numbers, in families of a hundred; src/engines/wasm/host-calls.ts
 * is the other side.
 */
export const OPERATION_FAMILY = { system: 0, files: 100 } as const;

export const SYSTEM_OPERATION = {
  /** Fills the window with up to `a` random bytes. */
  random: 1,
  /** Nanoseconds of clock `a`: low 32 bits and high 32 bits as two words in the window. */
  clock: 2,
  /** Up to `a` bytes of live standard input into the window; how many, 0 at the end. */
  readStdin: 3,
  /** `b` bytes of the window to live stream `a`. */
  writeStream: 4,
  /** Blocks this thread for `a` microseconds at most; never called on the event loop. */
  sleep: 5,
  /** `b` bytes of the window are a log record of level `a`. */
  log: 6,
  /** An image was taken: what was asked until now belongs to it, not to a request. For whoever records. */
  prepared: 7,
} as const;

/** Instances kept ready for runs that may wait (runs.ts), used last in, first out: more would save a new one now and then. */
export const RUNS_KEPT_MAX = 4;

/** How a request gets its fresh state (command.ts). */
export type StartMode = "instance" | "reset" | "checkpoint";

export interface BootSettings {
  readonly mode: StartMode;
  /** Arguments and "K=V" pairs, each with its NUL. */
  readonly args: Uint8Array;
  readonly environ: Uint8Array;
  readonly environIsRequest: boolean;
  readonly stdoutMaxBytes: number;
  readonly stderrMaxBytes: number;
  /** Linear memory that runs which wait may hold between them before one that asks is ended. */
  readonly heldMaxPages: number;
  /** Streams go to the host as they are used, and waiting blocks: a command line. */
  readonly isLive: boolean;
  /** WASI file types of standard input, output and error: a terminal is written to line by line. */
  readonly streamFiletypes: readonly number[];
}

export interface Entries {
  /** See Command.prepare; returns its NOTED bits. */
  prepare(): number;
  /** Input as it lies in the inbox, or in `apart` when it does not fit: environment first. Returns one of ENDED. */
  run(environBytes: number, stdinBytes: number, apart?: ArrayBuffer): number;
  /** The same for a guest that waits; the host's `ended` callback says when it is over. */
  start(runId: number, environBytes: number, stdinBytes: number, apart?: ArrayBuffer): void;
  /** The answer to a request of the guest's (host-requests.ts). */
  settle(ticket: number, code: number, bytes: Uint8Array | null, number: number): void;
  /** Nobody waits for this run any more. */
  abandon(runId: number): void;
  /** Output that did not fit the outbox. */
  output(): ArrayBuffer;
}

/** Where standard error lies in the window, behind the text of a trap. */
export const STDERR_OFFSET = CHANNEL.windowBytes / 2;
