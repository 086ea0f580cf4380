/**
 * Connection: the bytes of one client become exchanges, one at a time and in
 * order. Owns framing, pipelining, back-pressure and what the sweep asks (how
 * long has this client been silent?). Bytes come from a buffer that the next
 * read overwrites, so whatever outlives the call is copied.
 * A client that ends its side behind whole requests gets their answers: whether
 * an answer is quicker than a FIN is chance. It may have gone, too: onAbort says so.
 */
import type { Socket } from "node:net";
import { BodyFraming } from "./body-framing.ts";
import type { ConnectionContext, Transport } from "./connection-context.ts";
import type { Exchange, RequestBody } from "./exchange.ts";
import { HttpExchange } from "./http-exchange.ts";
import { latin1Text } from "./latin1.ts";
import { PartialHead } from "./partial-head.ts";
import { type Refusal, refusalText } from "./refusal.ts";
import { type BodyReceiver, IncomingBody, NO_BODY, QUEUE_MAX_BYTES, RequestBodyError, WholeBody } from "./request-body.ts";
import type { RequestHead } from "./request-head.ts";
import { bodyTimeout, headTimeout, type TickLimits, writeQueueBytes } from "./sweep.ts";

const HEAD_END = "\r\n\r\n";
/** Most heads are shorter; a longer one takes the path of heads that come in pieces. */
const HEAD_GLANCE_BYTES = 2048;
/** Pipelined bytes kept for later; past this the client waits. */
const HELD_MAX_BYTES = 64 * 1024;
/** So much of a body that nobody wants is read to keep the connection; with more the connection closes. */
const DISCARD_MAX_BYTES = 256 * 1024;
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

export class Connection implements BodyReceiver {
  readonly socket: Socket;
  readonly secure: boolean;
  readonly isTcp: boolean;
  readonly #context: ConnectionContext;
  #remoteAddress: string | null = null;

  /** The last head on this connection: clients repeat themselves (see #parse). */
  #lastHead: RequestHead | null = null;
  #partial: PartialHead | null = null;
  #exchange: HttpExchange | null = null;
  #incoming: BodyFraming | null = null;
  #continueOwed = false;
  #held: Buffer | null = null;

  #consuming = false;
  #paused = false;
  #closing = false;
  #ended = false;
  #lingering = false;
  #requestCount = 0;
  #sinceTick: number;
  #lastCount = 0;

  constructor(socket: Socket, transport: Transport, context: ConnectionContext) {
    this.socket = socket;
    this.secure = transport === "tls";
    this.isTcp = transport === "tcp";
    this.#context = context;
    this.#sinceTick = context.tick;
    socket.on("drain", () => this.#onDrain());
    socket.on("end", () => this.#onEnd());
    socket.on("close", () => this.#onClose());
    // What goes wrong with a socket shows as its close.
    socket.on("error", () => {});
  }

  get remoteAddress(): string {
    this.#remoteAddress ??= this.socket.remoteAddress ?? "";
    return this.#remoteAddress;
  }

  /** Nothing of a first or a further request has come. */
  get idle(): boolean {
    return this.#exchange === null && this.#partial === null && this.#incoming === null && !this.#lingering;
  }

  get fresh(): boolean {
    return this.#requestCount === 0;
  }

  /** `segment` may be overwritten after the call. */
  onBytes(segment: Buffer, length: number): void {
    if (this.#lingering) return;
    if (this.#held !== null) this.#hold(segment.subarray(0, length), false);
    else this.#consume(segment, 0, length, false);
  }

  #consume(segment: Buffer, start: number, end: number, owned: boolean): void {
    this.#consuming = true;
    let at = start;
    while (at < end && !this.#lingering) {
      if (this.#incoming !== null) {
        at = this.#receive(this.#incoming, segment, at, end);
      } else if (this.#exchange !== null || this.socket.writableNeedDrain) {
        this.#hold(segment.subarray(at, end), owned);
        break;
      } else {
        at = this.#readHead(segment, at, end);
      }
    }
    this.#consuming = false;
  }

  #readHead(segment: Buffer, start: number, end: number): number {
    if (this.#partial !== null) return this.#readPartialHead(this.#partial, segment, start, end);
    // RFC 9112 section 2.2: empty lines before a request line are passed over.
    if (segment[start] === 0x0d && start + 1 < end && segment[start + 1] === 0x0a) return start + 2;

    const glanceEnd = end - start > HEAD_GLANCE_BYTES ? start + HEAD_GLANCE_BYTES : end;
    let text = latin1Text(segment, start, glanceEnd);
    const last = this.#lastHead;
    if (last !== null && text === last.text) return this.#dispatch(last, segment, glanceEnd, end);
    const headEnd = text.indexOf(HEAD_END);
    if (headEnd === -1) {
      this.#partial = new PartialHead(this.#context.limits);
      this.#sinceTick = this.#context.tick;
      return this.#readPartialHead(this.#partial, segment, start, end);
    }
    const bodyStart = start + headEnd + HEAD_END.length;
    if (bodyStart !== glanceEnd) text = text.slice(0, headEnd + HEAD_END.length);
    return this.#parse(text, segment.subarray(start, bodyStart), segment, bodyStart, end);
  }

  #readPartialHead(partial: PartialHead, segment: Buffer, start: number, end: number): number {
    const next = partial.append(segment, start, end);
    if (typeof next === "object") return this.#refuse(next, end);
    if (next === -1) return end;
    this.#partial = null;
    const text = partial.text;
    return text === "\r\n" ? next : this.#parse(text, partial.bytes, segment, next, end);
  }

  /**
   * A kept-alive client mostly sends the head it sent before, byte for byte;
   * comparing the text costs 0.08 us where parsing costs 0.75 us
   * (node bench/listener.ts, rows "same heads" and "differing heads").
   */
  #parse(text: string, bytes: Uint8Array, segment: Buffer, bodyStart: number, end: number): number {
    const last = this.#lastHead;
    if (last !== null && text === last.text) return this.#dispatch(last, segment, bodyStart, end);
    const head = this.#context.headParser.parse(text, bytes);
    if (head.kind === "refusal") return this.#refuse(head, end, !text.startsWith("HEAD "));
    this.#lastHead = head;
    return this.#dispatch(head, segment, bodyStart, end);
  }

  /** Hands the request up; returns where the bytes behind it begin. */
  #dispatch(head: RequestHead, segment: Buffer, bodyStart: number, end: number): number {
    this.#requestCount++;
    this.#sinceTick = this.#context.tick;
    let body = NO_BODY;
    let next = bodyStart;
    const length = head.contentLength;
    if (length !== 0) {
      if (length !== null && end - bodyStart >= length) {
        const whole = new Uint8Array(length);
        whole.set(segment.subarray(bodyStart, bodyStart + length));
        body = new WholeBody(whole, length);
        next = bodyStart + length;
      } else {
        const begun = this.#beginBody(head, segment, bodyStart, end);
        if (begun === null) return end;
        body = begun.body;
        next = begun.next;
      }
    }
    const exchange = new HttpExchange(this, head, body);
    this.#exchange = exchange;
    this.#context.onExchange(exchange);
    return next;
  }

  /** Where the bytes behind what belongs to the body begin; null when the body was refused at once. */
  #beginBody(head: RequestHead, segment: Buffer, start: number, end: number): { body: RequestBody; next: number } | null {
    const body = new IncomingBody(this, head.contentLength);
    this.#incoming = new BodyFraming(body, this.#context.limits);
    this.#continueOwed = head.expectsContinue;
    const next = start < end ? this.#receive(this.#incoming, segment, start, end) : start;
    return this.#lingering ? null : { body, next };
  }

  /** Feeds the body under way; returns where it stopped. */
  #receive(incoming: BodyFraming, segment: Buffer, start: number, end: number): number {
    this.#sinceTick = this.#context.tick;
    this.#continueOwed = false;
    const next = incoming.feed(segment, start, end);
    if (typeof next === "object") return this.#refuse(next, end);
    if (incoming.done) {
      incoming.free();
      this.#incoming = null;
      incoming.body.finish();
      if (this.#exchange?.finished) this.#release();
    } else if (incoming.body.queuedBytes > QUEUE_MAX_BYTES) {
      this.#pause();
    }
    return next;
  }

  /** Behind a final status there is no interim one, and without it the client keeps the body back. */
  bodyWanted(): void {
    if (!this.#continueOwed) return;
    if (this.#exchange?.answered) {
      this.#failBody("BODY_ABORTED", "The answer began before the body was asked for, so the client did not send it");
      return;
    }
    this.#continueOwed = false;
    this.#sinceTick = this.#context.tick;
    this.socket.write(CONTINUE, "latin1");
  }

  bodyDrained(): void {
    if (this.#held === null) this.#resume();
  }

  /** The connection header line of this answer. Decides whether the connection outlives it. */
  answerBegins(exchange: HttpExchange): string {
    const isLast = !exchange.head.keepAlive || (this.#ended && this.#held === null);
    if (isLast || this.#context.draining || this.#bodyBlocksReuse()) this.#closing = true;
    if (this.#closing) return "connection: close\r\n";
    return exchange.head.minorVersion === 0 ? "connection: keep-alive\r\n" : "";
  }

  /** The client has taken something that no drain tells of. */
  answerMoves(): void {
    this.#sinceTick = this.#context.tick;
  }

  closeAfterAnswer(): void {
    this.#closing = true;
  }

  #bodyBlocksReuse(): boolean {
    if (this.#incoming === null) return false;
    // Without its 100 the client may send the body or not: the next request can't be found.
    return this.#continueOwed || !this.#incoming.isShorterThan(DISCARD_MAX_BYTES);
  }

  /** The rest of a short body that nobody waits for is read and dropped. */
  answerEnds(): void {
    if (this.#closing) {
      this.close();
    } else if (this.#incoming === null) {
      this.#release();
    } else {
      this.#incoming.body.fail(new RequestBodyError("BODY_ABORTED", "The request was answered before its body was read"));
      this.#resume();
    }
  }

  reportInvalidAnswer(exchange: Exchange, status: number): void {
    this.#context.onInvalidAnswer(exchange, status);
  }

  /** Request and answer are complete: the next request may come. */
  #release(): void {
    this.#exchange = null;
    this.#sinceTick = this.#context.tick;
    if (this.#consuming) return;
    if (this.#held !== null) this.#takeHeld();
    else if (this.#ended) this.close();
  }

  #takeHeld(): void {
    if (this.socket.writableNeedDrain) return;
    const held = this.#held as Buffer;
    this.#held = null;
    this.#consume(held, 0, held.length, true);
    if (this.#held === null) this.#resume();
    if (this.#ended && this.#held === null) this.#endBehind();
  }

  #hold(bytes: Buffer, owned: boolean): void {
    this.#held = this.#held !== null ? Buffer.concat([this.#held, bytes]) : owned ? bytes : Buffer.from(bytes);
    if (this.#held.length > HELD_MAX_BYTES) this.#pause();
  }

  #onDrain(): void {
    this.#sinceTick = this.#context.tick;
    const exchange = this.#exchange;
    if (exchange !== null) exchange.onDrain?.();
    else if (this.#held !== null && !this.#lingering) this.#takeHeld();
  }

  /** Answers in place of the exchange, if there is one, and closes. Returns `end`: nothing behind it is read. */
  #refuse(reason: Refusal, end: number, withBody = true): number {
    const exchange = this.#exchange;
    this.#failBody(reason.status === 400 ? "BODY_MALFORMED" : reason.code, reason.message);
    if (exchange?.answered) {
      // Too late for another answer. One already complete stays valid; one under way breaks off.
      if (exchange.finished) this.close();
      else exchange.destroy();
      return end;
    }
    this.#context.onRefused(reason, this.remoteAddress);
    this.socket.write(refusalText(reason, withBody), "latin1");
    this.close();
    exchange?.abort(reason.status);
    return end;
  }

  refuse(reason: Refusal): void {
    this.#refuse(reason, 0);
  }

  /**
   * Sends the end of stream, then reads on for a moment and drops it: closing
   * with bytes unread makes the kernel send a reset, and a reset can overtake
   * the answer on its way to the client.
   */
  close(): void {
    this.#lingering = true;
    this.#sinceTick = this.#context.tick;
    this.#failBody("BODY_ABORTED", "The connection was closed before the request body was complete");
    this.#held = null;
    this.#partial = null;
    this.#exchange = this.#exchange?.finished ? null : this.#exchange;
    this.socket.end();
    this.#resume();
  }

  destroy(): void {
    // A reset where the client must not take a broken transfer for a complete one.
    if (this.isTcp) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  #failBody(code: string, message: string): void {
    const incoming = this.#incoming;
    this.#incoming = null;
    this.#continueOwed = false;
    incoming?.free();
    incoming?.body.fail(new RequestBodyError(code, message));
  }

  #onEnd(): void {
    if (this.#lingering && this.socket.writableLength === 0) this.socket.destroy();
    this.#ended = true;
    if (this.#held === null) this.#endBehind();
  }

  /** All that the client will ever send has been read; a body still under way stays cut off. */
  #endBehind(): void {
    const exchange = this.#exchange;
    if (exchange === null || exchange.finished) this.close();
    else if (this.#incoming === null) exchange.onAbort?.(true);
    else this.socket.destroy();
  }

  #onClose(): void {
    this.#lingering = true;
    this.#failBody("BODY_ABORTED", "The client closed the connection before the request body was complete");
    this.#held = null;
    this.#partial = null;
    const exchange = this.#exchange;
    this.#exchange = null;
    exchange?.abort();
    this.#context.onClosed(this);
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.socket.pause();
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#sinceTick = this.#context.tick;
    this.socket.resume();
  }

  /** Called at every tick of the sweep; limits are in ticks. */
  sweep(limits: TickLimits): void {
    const waitedTicks = this.#context.tick - this.#sinceTick;
    if (this.#lingering) {
      if (waitedTicks > limits.linger && !this.#makesProgress()) this.socket.destroy();
    } else if (this.socket.writableNeedDrain || this.#exchange?.isSendingFile) {
      if (waitedTicks > limits.idleTransfer && !this.#makesProgress()) this.destroy();
    } else if (this.#incoming !== null) {
      if (this.#paused || this.#continueOwed) this.#sinceTick = this.#context.tick;
      else if (waitedTicks > limits.idleTransfer) this.#refuse(bodyTimeout(this.#context.limits), 0);
    } else if (this.#partial !== null) {
      if (waitedTicks > limits.header) this.#refuse(headTimeout(this.#context.limits), 0);
    } else if (this.#exchange !== null) {
      if (!this.#ended || !this.#exchange.answered || this.#differs(this.socket.bytesWritten)) this.#sinceTick = this.#context.tick;
      else if (waitedTicks > limits.idleTransfer) this.destroy();
    } else if (waitedTicks > limits.keepAlive) {
      this.close();
    }
  }

  #differs(count: number): boolean {
    const before = this.#lastCount;
    this.#lastCount = count;
    return count !== before;
  }

  #makesProgress(): boolean {
    const queueBytes = writeQueueBytes(this.socket);
    const progress = this.#differs(queueBytes) && queueBytes > 0;
    if (progress) this.#sinceTick = this.#context.tick;
    return progress;
  }
}
