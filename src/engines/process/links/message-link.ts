/**
 * Message link: calls by messages, over whichever wire. Keeps the table of open
 * calls, gives each message to its call, has calls wait in line where the wire
 * has no room, asks the instance whether it is well, and ends everything when it
 * breaks the rules: who lies about one message is not believed about the next.
 */
import type { Call, CallFailure } from "../../engine.ts";
import type { CallEnd, Link, LinkedCall, LinkWay } from "./link.ts";
import { type CallLink, MessageCall, NO_ROOM, NOTHING_LEFT } from "./message-call.ts";
import { AnswerHeads, RequestHeads } from "./message-heads.ts";
import type { MessageWire, WireReceiver } from "./message-wire.ts";
import { emptyMessage, HEADER_BYTES, KIND, kindName, readHeader, writeHeader } from "./messages.ts";

const CALL_ID_MAX = 0xffff_ffff;
const PING_BYTES = 4;
/**
 * So many cancelled calls are remembered for the answers that may still come. A process need not answer them, so
 * there is no end of them in a long life; one that answers at last does so before a thousand others were cancelled.
 */
export const CANCELLED_MAX_COUNT = 1_024;

/** Of a cancelled call: has its answer begun? */
type Cancelled = "unanswered" | "answering";

export interface MessageLinkOptions {
  readonly functionId: string;
}

export class MessageLink implements Link, CallLink, WireReceiver {
  readonly way: LinkWay;
  readonly wire: MessageWire;
  readonly functionId: string;
  readonly #requestHeads = new RequestHeads();
  readonly #answerHeads = new AnswerHeads();
  readonly #calls = new Map<number, MessageCall>();
  readonly #cancelled = new Map<number, Cancelled>();
  readonly #message = emptyMessage();
  /** Calls with something to send, and messages of no body that go before them. */
  #sending: MessageCall[] = [];
  #notices: { readonly kind: number; readonly call: number }[] = [];
  readonly #slow = new Set<MessageCall>();
  #lastId = 0;
  /** Waiting for the one PONG that is due. */
  #asking: ((isHealthy: boolean) => void)[] = [];
  #pingCount = 0;
  #isPongDue = false;
  #isStopping = false;
  #closedBecause: string | null = null;
  onBroken: ((why: string) => void) | null = null;

  constructor(way: LinkWay, wire: MessageWire, { functionId }: MessageLinkOptions) {
    this.way = way;
    this.wire = wire;
    this.functionId = functionId;
    wire.receiver = this;
  }

  get cancelledCount(): number {
    return this.#cancelled.size;
  }

  begin(call: Call, ended: (end: CallEnd) => void): LinkedCall {
    const open = new MessageCall(this.#nextId(), call, ended, this);
    this.#calls.set(open.id, open);
    if (this.#closedBecause === null && !this.#isStopping) {
      this.queue(open);
      this.wire.expect(this.#calls.size);
    } else {
      queueMicrotask(() => open.lost(this.#lostFailure()));
    }
    return open;
  }

  #nextId(): number {
    do this.#lastId = this.#lastId === CALL_ID_MAX ? 1 : this.#lastId + 1;
    while (this.#calls.has(this.#lastId) || this.#cancelled.has(this.#lastId));
    return this.#lastId;
  }

  requestHead(call: Call): string {
    return this.#requestHeads.of(call);
  }

  answerLines(head: string): string {
    return this.#answerHeads.of(head);
  }

  queue(call: MessageCall): void {
    if (this.#sending.length === 0 && this.#notices.length === 0) {
      if (call.send() !== NOTHING_LEFT) this.#sending.push(call);
      if (this.#sending.length === 0) return;
    } else {
      this.#sending.push(call);
    }
    this.#send();
  }

  /** One message of each call in turn, so that a long body does not keep the others waiting. */
  #send(): void {
    if (this.#closedBecause !== null || !this.#sendNotices()) return;
    for (let call = this.#sending[0]; call !== undefined; call = this.#sending[0]) {
      const sent = call.send();
      if (sent === NO_ROOM) return;
      this.#sending.shift();
      if (sent !== NOTHING_LEFT) this.#sending.push(call);
    }
  }

  /** False when the wire has no room for all of them. */
  #sendNotices(): boolean {
    for (let notice = this.#notices[0]; notice !== undefined; notice = this.#notices[0]) {
      const bodyBytes = notice.kind === KIND.ping ? PING_BYTES : 0;
      const at = this.wire.reserve(HEADER_BYTES + bodyBytes);
      if (at === -1) return false;
      this.#notices.shift();
      writeHeader(this.wire.buffer, at, notice.kind, false, 0, notice.call, 0, bodyBytes);
      if (bodyBytes > 0) this.wire.buffer.writeUInt32LE(this.#pingCount, at + HEADER_BYTES);
      this.wire.publish();
    }
    return true;
  }

  #notify(kind: number, call: number): void {
    if (this.#closedBecause !== null) return;
    this.#notices.push({ kind, call });
    this.#send();
  }

  onRoom(): void {
    this.#send();
  }

  onMessage(buffer: Buffer, at: number, bytes: number): void {
    const message = this.#message;
    const fault = readHeader(buffer, at, bytes, message) ?? this.#deliver(buffer, at + HEADER_BYTES);
    if (fault !== null) this.onLost(`it broke the protocol: ${fault}`);
  }

  /** Says what rule the message breaks, if it does. */
  #deliver(buffer: Buffer, at: number): string | null {
    const message = this.#message;
    if (message.kind === KIND.pong) return this.#pong(buffer, at);
    if (message.kind !== KIND.response && message.kind !== KIND.responseBody && message.kind !== KIND.failed)
      return `${kindName(message.kind)}, which only a server sends`;
    const call = this.#calls.get(message.call);
    return call === undefined ? this.#answerOfCancelled() : call.receive(message, buffer, at);
  }

  /** Nobody waits for it, but it has its rules all the same. */
  #answerOfCancelled(): string | null {
    const { kind, call, isEnd } = this.#message;
    const known = this.#cancelled.get(call);
    if (known === undefined) return `${kindName(kind)} of call ${call}, which is not open`;
    if (kind === KIND.response && known === "answering") return `a second RESPONSE of call ${call}`;
    if (kind === KIND.responseBody && known === "unanswered") return `RESPONSE_BODY of call ${call}, whose RESPONSE has not come`;
    if (isEnd || kind === KIND.failed) this.#cancelled.delete(call);
    else this.#cancelled.set(call, "answering");
    return null;
  }

  #pong(buffer: Buffer, at: number): string | null {
    if (!this.#isPongDue) return "a PONG that answers no PING";
    if (this.#message.bodyBytes !== PING_BYTES || buffer.readUInt32LE(at) !== this.#pingCount) return "a PONG that is not its PING's";
    this.#isPongDue = false;
    this.#tellHealth(true);
    return null;
  }

  #tellHealth(isHealthy: boolean): void {
    const asking = this.#asking;
    this.#asking = [];
    for (const tell of asking) tell(isHealthy);
  }

  isHealthy(timeoutMs: number): Promise<boolean> {
    if (this.#closedBecause !== null) return Promise.resolve(false);
    // Nothing is read of it while a client is slow: that is not its fault.
    if (this.#slow.size > 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#asking = this.#asking.filter((tell) => tell !== told);
        resolve(this.#slow.size > 0);
      }, timeoutMs);
      const told = (isHealthy: boolean): void => {
        clearTimeout(timer);
        resolve(isHealthy);
      };
      this.#asking.push(told);
      // One that has not answered the last is asked nothing more: its answer to that will do.
      if (this.#isPongDue) return;
      this.#isPongDue = true;
      this.#pingCount = (this.#pingCount + 1) >>> 0;
      this.#notify(KIND.ping, 0);
    });
  }

  askToStop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    // Those it knows nothing of shall not come behind the request to stop.
    const failure = this.#lostFailure();
    for (const call of [...this.#calls.values()]) if (!call.isBegun) call.lost(failure);
    this.#notify(KIND.stop, 0);
  }

  drop(call: MessageCall, mayBeAnswered: boolean): void {
    this.#calls.delete(call.id);
    this.wire.expect(this.#calls.size);
    // Over, so that it sends nothing more; but what waits is not kept for that.
    if (this.#sending.length > 0) this.#sending = this.#sending.filter((other) => other !== call);
    if (!mayBeAnswered || this.#closedBecause !== null) return;
    this.#cancelled.set(call.id, call.isAnswering ? "answering" : "unanswered");
    if (this.#cancelled.size > CANCELLED_MAX_COUNT) this.#forgetOldest();
    this.#notify(KIND.cancel, call.id);
  }

  #forgetOldest(): void {
    for (const id of this.#cancelled.keys()) {
      this.#cancelled.delete(id);
      return;
    }
  }

  hold(call: MessageCall): void {
    this.#slow.add(call);
    if (this.#slow.size === 1) this.wire.pause();
  }

  release(call: MessageCall): void {
    if (this.#slow.delete(call) && this.#slow.size === 0) this.wire.resume();
  }

  /** Of the wire, or ours when a message breaks the rules. */
  onLost(why: string): void {
    if (this.#closedBecause !== null) return;
    const isExpected = this.#isStopping && this.#calls.size === 0;
    this.#shut(why);
    if (!isExpected) this.onBroken?.(why);
    this.#endCalls();
  }

  close(why: string): void {
    this.#shut(why);
    this.#endCalls();
  }

  #shut(why: string): void {
    if (this.#closedBecause !== null) return;
    this.#closedBecause = why;
    this.wire.close();
    this.#sending = [];
    this.#notices = [];
    this.#cancelled.clear();
    this.#tellHealth(false);
  }

  #endCalls(): void {
    const failure = this.#lostFailure();
    for (const call of [...this.#calls.values()]) call.lost(failure);
  }

  #lostFailure(): CallFailure {
    return {
      code: "SANDBOX_LOST",
      message: `The process of ${this.functionId} can't answer: ${this.#closedBecause ?? "it was asked to stop"}`,
    };
  }
}
