/**
 * Message call: one call on its way through messages. Sends the request, whole
 * when it fits one message and in parts otherwise, as fast as the wire and the
 * client allow, and gives the answer to the exchange as it comes. Ends once.
 * Hot path for a small request with a small answer: no promises, no closures.
 */
import { latin1Text, writeLatin1 } from "../../../http/latin1.ts";
import type { Call, CallFailure } from "../../engine.ts";
import type { CallEnd, LinkedCall } from "./link.ts";
import { answerFault } from "./message-heads.ts";
import type { MessageWire } from "./message-wire.ts";
import { HEADER_BYTES, KIND, type Message, writeHeader } from "./messages.ts";

/** What a call asks of its link. */
export interface CallLink {
  readonly wire: MessageWire;
  readonly functionId: string;
  requestHead(call: Call): string;
  answerLines(head: string): string;
  /** Has it send, now or when the wire has room and those before it have sent. */
  queue(call: MessageCall): void;
  /** It is open no more. `mayBeAnswered`: the instance is told to cancel it, and may answer all the same. */
  drop(call: MessageCall, mayBeAnswered: boolean): void;
  /** Its client is slow: nothing more is read of the instance until it says otherwise. */
  hold(call: MessageCall): void;
  release(call: MessageCall): void;
}

/** A slow client's answer may run so far ahead of it before the instance has to wait, and with it the instance's other calls. */
export const AHEAD_MAX_BYTES = 256 * 1024;
const FAILED_TEXT_MAX_BYTES = 16 * 1024;
const NOTHING = new Uint8Array(0);

/** What came of sending. */
export const NOTHING_LEFT = 0;
/** The wire has room for the next part, if nobody else is waiting. */
export const MORE = 1;
export const NO_ROOM = 2;
export type Sent = typeof NOTHING_LEFT | typeof MORE | typeof NO_ROOM;

const ANSWERED: CallEnd = { kind: "answered" };

export class MessageCall implements LinkedCall {
  readonly id: number;
  readonly #call: Call;
  readonly #link: CallLink;
  readonly #ended: (end: CallEnd) => void;
  /** The request's first message is out: the instance knows of it. */
  isBegun = false;
  /** The answer's first message is in, more follow. */
  isAnswering = false;
  isOver = false;
  /** Of the body, what is to be sent next; null while nothing is, or all has been. */
  #chunk: Uint8Array | null = null;
  #chunkSent = 0;
  #isLastChunk = false;
  #aheadBytes = 0;

  constructor(id: number, call: Call, ended: (end: CallEnd) => void, link: CallLink) {
    this.id = id;
    this.#call = call;
    this.#ended = ended;
    this.#link = link;
  }

  /** Sends one message of what there is to send. */
  send(): Sent {
    return this.isBegun ? this.#sendPart() : this.#sendHead();
  }

  #sendHead(): Sent {
    const { wire } = this.#link;
    const { body } = this.#call.exchange;
    const head = this.#link.requestHead(this.#call);
    const whole = body.whole;
    const bodyBytes = whole === null ? 0 : whole.length;
    const isWhole = body.complete && HEADER_BYTES + head.length + bodyBytes <= wire.messageMaxBytes;
    const bytes = HEADER_BYTES + head.length + (isWhole ? bodyBytes : 0);
    if (bytes > wire.messageMaxBytes) {
      queueMicrotask(() => this.#fail(this.#headTooLarge(bytes)));
      return NOTHING_LEFT;
    }
    const at = wire.reserve(bytes);
    if (at === -1) return NO_ROOM;
    const { buffer } = wire;
    writeHeader(buffer, at, KIND.request, isWhole, 0, this.id, head.length, isWhole ? bodyBytes : 0);
    writeLatin1(buffer, head, at + HEADER_BYTES);
    if (isWhole && whole !== null) buffer.set(whole, at + HEADER_BYTES + head.length);
    wire.publish();
    this.isBegun = true;
    if (isWhole) return NOTHING_LEFT;
    if (body.complete) {
      this.#take(whole as Uint8Array, true);
      return MORE;
    }
    this.#readBody();
    return NOTHING_LEFT;
  }

  #headTooLarge(bytes: number): CallFailure {
    const { functionId, wire } = this.#link;
    const message = `${functionId} can't be given a request whose head has ${bytes} bytes: a message to its process has at most ${wire.messageMaxBytes}`;
    return { code: "BODY_FAILED", message };
  }

  #take(chunk: Uint8Array, isLast: boolean): void {
    this.#chunk = chunk;
    this.#chunkSent = 0;
    this.#isLastChunk = isLast;
  }

  #sendPart(): Sent {
    const chunk = this.#chunk;
    if (chunk === null) return NOTHING_LEFT;
    const { wire } = this.#link;
    const bytes = Math.min(chunk.length - this.#chunkSent, wire.partMaxBytes - HEADER_BYTES);
    const at = wire.reserve(HEADER_BYTES + bytes);
    if (at === -1) return NO_ROOM;
    const sent = this.#chunkSent + bytes;
    const isWhole = sent === chunk.length;
    writeHeader(wire.buffer, at, KIND.requestBody, isWhole && this.#isLastChunk, 0, this.id, 0, bytes);
    wire.buffer.set(chunk.subarray(this.#chunkSent, sent), at + HEADER_BYTES);
    wire.publish();
    this.#chunkSent = sent;
    if (!isWhole) return MORE;
    this.#chunk = null;
    if (!this.#isLastChunk) this.#readBody();
    return NOTHING_LEFT;
  }

  #readBody(): void {
    this.#call.exchange.body.read().then(
      (chunk) => {
        if (this.isOver) return;
        // A part without bytes would tell the instance nothing; the end is told by one.
        if (chunk !== null && chunk.length === 0) {
          this.#readBody();
          return;
        }
        this.#take(chunk ?? NOTHING, chunk === null);
        this.#link.queue(this);
      },
      (error: Error) => this.#fail({ code: "BODY_FAILED", message: error.message }),
    );
  }

  /** A message of this call, its payload at `at`; says what rule it breaks, if it does. */
  receive(message: Message, buffer: Buffer, at: number): string | null {
    if (message.kind === KIND.response) return this.#begin(message, buffer, at);
    if (message.kind === KIND.failed) {
      this.#end({ kind: "failed", failure: threwFailure(buffer, at, message.bodyBytes), isSpent: false });
      return null;
    }
    if (!this.isAnswering) return `RESPONSE_BODY of call ${this.id}, whose RESPONSE has not come`;
    this.#write(buffer, at, message.bodyBytes);
    // Whoever took the bytes may have found that it wants none of them.
    if (message.isEnd && !this.isOver) {
      this.#over(false);
      this.#call.exchange.end();
      this.#ended(ANSWERED);
    }
    return null;
  }

  #begin({ status, isEnd, headBytes, bodyBytes }: Message, buffer: Buffer, at: number): string | null {
    if (this.isAnswering) return `a second RESPONSE of call ${this.id}`;
    const { exchange } = this.#call;
    const bodyAt = at + headBytes;
    const lines = headBytes === 0 ? "" : this.#link.answerLines(latin1Text(buffer, at, bodyAt));
    const fault = answerFault(status, lines);
    if (fault !== null) {
      const message = `${this.#link.functionId}'s answer can't be sent: ${fault}`;
      // Of the answer there is more to come, which belongs to nobody.
      this.isAnswering = true;
      this.#fail({ code: "INVALID_ANSWER", message }, !isEnd);
      return null;
    }
    if (isEnd) {
      const body = bodyBytes === 0 ? null : buffer.subarray(bodyAt, bodyAt + bodyBytes);
      this.#over(false);
      exchange.respond(status, lines, body);
      this.#ended(ANSWERED);
      return null;
    }
    this.isAnswering = true;
    exchange.start(status, lines, null);
    this.#write(buffer, bodyAt, bodyBytes);
    return null;
  }

  #write(buffer: Buffer, at: number, bytes: number): void {
    if (bytes === 0) return;
    const { exchange } = this.#call;
    if (exchange.write(buffer.subarray(at, at + bytes))) return;
    exchange.onDrain ??= () => this.#drained();
    this.#aheadBytes += bytes;
    if (this.#aheadBytes > AHEAD_MAX_BYTES) this.#link.hold(this);
  }

  #drained(): void {
    this.#call.exchange.onDrain = null;
    this.#aheadBytes = 0;
    this.#link.release(this);
  }

  abandon(failure: CallFailure): void {
    this.#fail(failure);
  }

  #fail(failure: CallFailure, mayBeAnswered = this.isBegun): void {
    this.#end({ kind: "failed", failure, isSpent: false }, mayBeAnswered);
  }

  /** The instance is gone, or can't be trusted any more. */
  lost(failure: CallFailure): void {
    this.#end(this.isBegun ? { kind: "failed", failure, isSpent: true } : { kind: "unsent", why: failure.message });
  }

  #end(end: CallEnd, mayBeAnswered = false): void {
    if (this.isOver) return;
    this.#over(mayBeAnswered);
    this.#ended(end);
  }

  /** Before anybody is told: they may begin the next call at once. */
  #over(mayBeAnswered: boolean): void {
    this.isOver = true;
    this.#chunk = null;
    if (this.#aheadBytes > 0) this.#drained();
    this.#link.drop(this, mayBeAnswered);
  }
}

/** The first line says it, the rest is where: a Python traceback has it the other way round. */
function threwFailure(buffer: Buffer, at: number, bytes: number): CallFailure {
  const text = buffer.toString("utf8", at, at + Math.min(bytes, FAILED_TEXT_MAX_BYTES)).trim();
  if (text === "") return { code: "HANDLER_THREW", message: "The handler failed and did not say why" };
  const lines = text.split("\n");
  const told = text.startsWith("Traceback ") ? lines[lines.length - 1] : lines[0];
  return { code: "HANDLER_THREW", message: (told as string).trim(), ...(lines.length === 1 ? {} : { stack: text }) };
}
