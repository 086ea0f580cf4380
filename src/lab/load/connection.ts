/**
 * LoadConnection: one raw connection and the requests on it, in order. It is
 * given requests (`assign`), writes them (`flush`), reads their answers and
 * tells the recorder and its driver. Hot path: no closures, promises or
 * objects per request; times lie in a ring as long as the pipelining.
 * Must not decide when a request is due: that is the driver's.
 */
import type { Socket } from "node:net";
import type { AnswerChecks } from "./answer-checks.ts";
import { nowMs } from "./clock.ts";
import type { Recorder, Timing } from "./recorder.ts";
import type { RequestSource } from "./request-source.ts";
import { type HeadMemory, ResponseReader } from "./response-reader.ts";
import type { ErrorKind } from "./result.ts";
import { describeSocketError, type SocketEvents, type SocketOpener } from "./socket-opener.ts";
import type { ConnectFault } from "./thread-messages.ts";

/** Who gives requests to connections. */
export interface Driver {
  /** `count` answers or failures later, the connection has room again. */
  onRoom(connection: LoadConnection, count: number, atMs: number): void;
}

/** What the connections of one thread share. */
export interface ConnectionContext {
  readonly opener: SocketOpener;
  readonly requests: RequestSource;
  readonly checks: AnswerChecks;
  readonly heads: HeadMemory;
  readonly recorder: Recorder;
  readonly pipelining: number;
  readonly keepsAlive: boolean;
  readonly timeoutMs: number;
  /** "127.0.0.1:8080", for messages. */
  readonly place: string;
  readonly isTls: boolean;
  driver: Driver;
  /** Of measured requests, as are those received. */
  sentBytes: number;
  receivedBytes: number;
  connectionsOpened: number;
}

export const CLOSED = 0;
export const OPENING = 1;
export const OPEN = 2;

export class LoadConnection {
  readonly #context: ConnectionContext;
  readonly #reader: ResponseReader;
  readonly #intendedMs: Float64Array;
  readonly #sentMs: Float64Array;
  readonly #writtenMs: Float64Array;
  readonly #timing: Timing = { intendedMs: 0, sentMs: 0, writtenMs: 0, firstByteMs: 0, connectingMs: 0, tlsMs: 0, isOpenedAhead: false };
  #socket: Socket | null = null;
  #head = 0;
  #unsentCount = 0;
  #isDraining = false;
  #firstByteMs = Number.NaN;
  #openStartMs = 0;
  #connectedMs = Number.NaN;
  /** Charged to the first request after the opening. */
  #connectingMs = 0;
  #tlsMs = 0;
  #isOpenedAhead = false;
  state: typeof CLOSED | typeof OPENING | typeof OPEN = CLOSED;
  /** Assigned and not yet ended. */
  count = 0;
  /** Why the last opening failed; null after one that succeeded. */
  openFault: ConnectFault | null = null;
  /** For the driver's list of connections with room. */
  isListed = false;
  /** Since when it has had nothing to do. */
  freeSinceMs = Number.NEGATIVE_INFINITY;

  constructor(context: ConnectionContext) {
    this.#context = context;
    this.#reader = new ResponseReader(context.heads, context.checks.readsBody, context.checks.expectedBody);
    this.#intendedMs = new Float64Array(context.pipelining);
    this.#sentMs = new Float64Array(context.pipelining);
    this.#writtenMs = new Float64Array(context.pipelining);
  }

  get hasRoom(): boolean {
    return this.count < this.#context.pipelining;
  }

  /** Intended time of the oldest request on it. Only with requests on it. */
  get oldestMs(): number {
    return this.#intendedMs[this.#head]!;
  }

  /** The run is cut short: what is on it was not answered so far, and its age is all that is known. */
  leaveUnfinished(atMs: number): void {
    for (let at = 0; at < this.count; at++) {
      const slot = (this.#head + at) % this.#intendedMs.length;
      this.#context.recorder.leaveUnfinished(this.#intendedMs[slot]!, this.#sentMs[slot]!, atMs);
    }
    this.abandon();
  }

  assign(intendedMs: number): void {
    const at = (this.#head + this.count) % this.#intendedMs.length;
    this.#intendedMs[at] = intendedMs;
    this.#sentMs[at] = Number.NaN;
    this.count++;
    this.#unsentCount++;
  }

  /** Sends what is assigned, opening the connection first when it is not. */
  flush(): void {
    if (this.state === CLOSED) this.open();
    if (this.state !== OPEN || this.#unsentCount === 0) return;
    const context = this.#context;
    const socket = this.#socket!;
    const unsentCount = this.#unsentCount;
    const bytes = context.requests.next(unsentCount);
    const sentMs = nowMs();
    const isTaken = typeof bytes === "string" ? socket.write(bytes, "latin1") : socket.write(bytes);
    const writtenMs = nowMs();
    // The oldest decides for all that leave in this write.
    if (context.recorder.isMeasured(this.#intendedMs[(this.#head + this.count - unsentCount) % this.#intendedMs.length]!)) {
      context.sentBytes += bytes.length;
    }
    this.#unsentCount = 0;
    this.#isDraining = !isTaken;
    for (let at = this.count - unsentCount; at < this.count; at++) {
      const slot = (this.#head + at) % this.#intendedMs.length;
      this.#sentMs[slot] = sentMs;
      this.#writtenMs[slot] = writtenMs;
      context.recorder.send(this.#intendedMs[slot]!, sentMs);
    }
  }

  open(): void {
    this.state = OPENING;
    this.#openStartMs = nowMs();
    this.#connectedMs = Number.NaN;
    this.#reader.reset();
    this.#firstByteMs = Number.NaN;
    const isCurrent = (): boolean => this.#socket === socket;
    const events: SocketEvents = {
      onConnected: () => {
        this.#connectedMs = nowMs();
      },
      onReady: () => isCurrent() && this.#onReady(),
      onBytes: (bytes, length) => isCurrent() && this.#onBytes(bytes, length),
      onEnd: () => isCurrent() && this.#onEnd(),
      onError: (error) => isCurrent() && this.#onError(error),
      onDrain: () => isCurrent() && this.#onDrain(),
      onClose: () => isCurrent() && this.#onEnd(),
    };
    const socket = this.#context.opener.open(events);
    this.#socket = socket;
  }

  /** Ends the connection and, without a word, what is on it. */
  abandon(): void {
    this.#drop();
    this.count = 0;
    this.#unsentCount = 0;
  }

  /** Called by the sweep. */
  expire(atMs: number): void {
    if (this.count === 0 || atMs - this.oldestMs < this.#context.timeoutMs) return;
    const { timeoutMs, place } = this.#context;
    const isTlsPending = this.#context.isTls && this.state === OPENING && !Number.isNaN(this.#connectedMs);
    const doing =
      this.state === OPENING ? (isTlsPending ? "TLS handshake" : "connection") : this.#reader.hasBegun ? "end of the answer" : "answer";
    this.#failAll("timeout", `${place}: no ${doing} within ${timeoutMs} ms`, atMs);
  }

  #onReady(): void {
    const atMs = nowMs();
    this.state = OPEN;
    this.openFault = null;
    this.#context.connectionsOpened++;
    this.#connectingMs = this.#connectedMs - this.#openStartMs;
    this.#isOpenedAhead = this.count === 0;
    this.#tlsMs = this.#context.isTls ? atMs - this.#connectedMs : 0;
    if (this.count > 0) this.flush();
    else this.#context.driver.onRoom(this, 0, atMs);
  }

  #onBytes(bytes: Buffer, length: number): void {
    const context = this.#context;
    const reader = this.#reader;
    const atMs = nowMs();
    if (context.recorder.isMeasured(this.#intendedMs[this.#head]!)) context.receivedBytes += length;
    // Pipelined, the first may be answered while the last still leave; TLS tells only later that all has left.
    const hasLeft = context.pipelining > 1 || context.isTls || this.#socket!.writableLength === 0;
    let at = 0;
    let endedCount = 0;
    while (at < length) {
      if (this.count - this.#unsentCount === 0) {
        this.#onStrayBytes(bytes, at, length, atMs, endedCount);
        return;
      }
      if (Number.isNaN(this.#firstByteMs)) this.#firstByteMs = atMs;
      at = reader.read(bytes, at, length);
      if (reader.fault !== null) {
        this.#failAll("malformed", `${context.place}: the answer ${reader.fault}`, atMs, endedCount);
        return;
      }
      if (!reader.isComplete) break;
      // More bytes than the answer declared, and no other request to answer: this answer was the wrong one.
      if (at < length && this.count - this.#unsentCount === 1) {
        context.recorder.strayCount++;
        this.#failAll("malformed", `${context.place}: ${length - at} bytes follow the end of the answer`, atMs, endedCount);
        return;
      }
      if (!hasLeft && reader.head!.status < 400) {
        this.#failAll("malformed", `${context.place} answered before the whole request had left`, atMs, endedCount);
        return;
      }
      const staysOpen = reader.head!.keepsAlive && context.keepsAlive;
      this.#complete(atMs);
      endedCount++;
      if (!staysOpen) {
        this.#closeAfterAnswer(atMs, endedCount);
        return;
      }
    }
    if (endedCount > 0) context.driver.onRoom(this, endedCount, atMs);
  }

  /** The oldest request has its whole answer. */
  #complete(atMs: number): void {
    const { recorder, checks } = this.#context;
    const reader = this.#reader;
    const slot = this.#head;
    const status = reader.head!.status;
    const complaint = checks.complain(reader.head!, reader);
    if (complaint === null) {
      const timing = this.#timing;
      timing.intendedMs = this.#intendedMs[slot]!;
      timing.sentMs = this.#sentMs[slot]!;
      // An answer that overtakes its request: sending ended when the answer began.
      timing.writtenMs = Math.min(this.#writtenMs[slot]!, this.#firstByteMs);
      timing.firstByteMs = this.#firstByteMs;
      timing.connectingMs = this.#connectingMs;
      timing.tlsMs = this.#tlsMs;
      timing.isOpenedAhead = this.#isOpenedAhead;
      recorder.succeed(timing, status, atMs);
    } else {
      recorder.fail(complaint.kind, complaint.message, this.#intendedMs[slot]!, this.#sentMs[slot]!, status, atMs);
    }
    this.#connectingMs = 0;
    this.#tlsMs = 0;
    this.#firstByteMs = Number.NaN;
    this.#head = (slot + 1) % this.#intendedMs.length;
    this.count--;
    reader.reset();
  }

  /** The answer said, or we did, that this is the last one here. */
  #closeAfterAnswer(atMs: number, endedCount: number): void {
    if (this.count > this.#unsentCount) {
      this.#failAll("closed", `${this.#context.place} closed the connection with requests on it`, atMs, endedCount);
      return;
    }
    this.#drop();
    this.#context.driver.onRoom(this, endedCount, atMs);
  }

  #onStrayBytes(bytes: Buffer, at: number, end: number, atMs: number, endedCount: number): void {
    const shown = JSON.stringify(bytes.toString("latin1", at, Math.min(end, at + 60)));
    this.#context.recorder.strayCount++;
    const message = `${this.#context.place}: ${end - at} bytes without a request: ${shown}`;
    this.#context.recorder.fail("malformed", message, atMs, atMs, 0, atMs);
    this.#drop();
    this.#context.driver.onRoom(this, endedCount, atMs);
  }

  #onDrain(): void {
    if (!this.#isDraining) return;
    this.#isDraining = false;
    const atMs = nowMs();
    const sentCount = this.count - this.#unsentCount;
    if (sentCount > 0) this.#writtenMs[(this.#head + sentCount - 1) % this.#intendedMs.length] = atMs;
  }

  #onEnd(): void {
    const atMs = nowMs();
    if (this.state === OPENING) {
      const isTls = this.#context.isTls && !Number.isNaN(this.#connectedMs);
      const message = `${this.#context.place} closed the connection before ${isTls ? "TLS was agreed" : "it was open"}`;
      this.#failOpening({ kind: isTls ? "tls" : "closed", message }, atMs);
      return;
    }
    if (this.count === this.#unsentCount) {
      // Nobody waits for anything here: the next request opens it anew.
      this.#drop();
      if (this.count > 0) this.flush();
      else this.#context.driver.onRoom(this, 0, atMs);
      return;
    }
    const missing = this.#reader.close();
    if (missing !== null) {
      this.#failAll("closed", `${this.#context.place} ${missing}`, atMs);
      return;
    }
    this.#complete(atMs);
    this.#closeAfterAnswer(atMs, 1);
  }

  #onError(error: NodeJS.ErrnoException): void {
    const atMs = nowMs();
    const isHandshaking = this.#context.isTls && this.state === OPENING && !Number.isNaN(this.#connectedMs);
    const fault = describeSocketError(error, this.#context.place, isHandshaking);
    if (this.state === OPENING) this.#failOpening(fault, atMs);
    else if (this.count > 0) this.#failAll(fault.kind, fault.message, atMs);
    else {
      this.#drop();
      this.#context.driver.onRoom(this, 0, atMs);
    }
  }

  #failOpening(fault: ConnectFault, atMs: number): void {
    this.openFault = fault;
    this.#failAll(fault.kind, fault.message, atMs);
  }

  /** Fails all requests on it and closes it. */
  #failAll(kind: ErrorKind, message: string, atMs: number, endedBefore = 0): void {
    const { recorder, driver } = this.#context;
    const status = this.#reader.head?.status ?? 0;
    const failedCount = this.count;
    if (this.state === OPENING) this.openFault ??= { kind, message };
    for (let at = 0; at < failedCount; at++) {
      const slot = (this.#head + at) % this.#intendedMs.length;
      recorder.fail(kind, message, this.#intendedMs[slot]!, this.#sentMs[slot]!, at === 0 ? status : 0, atMs);
    }
    this.abandon();
    driver.onRoom(this, endedBefore + failedCount, atMs);
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.state = CLOSED;
    socket?.destroy();
  }
}
