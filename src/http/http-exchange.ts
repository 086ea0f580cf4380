/**
 * The answering side of an exchange: composes the response and hands it to the
 * socket, in one write whenever the whole of it is known. Hot path, once per
 * request: `respond` allocates one string and nothing else.
 * Must not read requests or decide about connections: connection.ts does.
 */
import type { Socket } from "node:net";
import { assert } from "../base/assert.ts";
import { JSON_LINE } from "./answer-lines.ts";
import type { Connection } from "./connection.ts";
import { errorBody } from "./error-answer.ts";
import type { Exchange, RequestBody } from "./exchange.ts";
import { sendRange } from "./file-sending.ts";
import { type KernelFile, kernelFile } from "./kernel-file.ts";
import { writeLatin1 } from "./latin1.ts";
import type { RequestHead } from "./request-head.ts";
import { dateLine, type ResponsePrefix, responsePrefix } from "./response-head.ts";

/** Below this, copying head and body into one buffer is cheaper than a gathering write of two. */
const COPIED_BODY_MAX_BYTES = 16 * 1024;
const INVALID_ANSWER_BODY = errorBody("INVALID_RESPONSE", "The function answered with an invalid status or header: see its log");
const LAST_CHUNK = "0\r\n\r\n";

/** How the content of a started answer is delimited. */
const NOT_STREAMING = 0;
const NO_CONTENT = 1;
const FIXED_LENGTH = 2;
const CHUNKED = 3;
const UNTIL_CLOSE = 4;

export class HttpExchange implements Exchange {
  readonly body: RequestBody;
  readonly head: RequestHead;
  readonly #connection: Connection;
  readonly #socket: Socket;
  #framing = NOT_STREAMING;
  /** Of a streamed answer, until its first bytes take it along. */
  #pendingHead = "";
  #status = 0;
  #bodyBytes = 0;
  #declaredBytes = 0;
  extraLines = "";
  aborted = false;
  answered = false;
  /** A file goes through the socket by the kernel: its queue says nothing of that. */
  isSendingFile = false;
  finished = false;
  onAbort: ((mayWait?: boolean) => void) | null = null;
  onDrain: (() => void) | null = null;
  onFinished: ((status: number, bodyBytes: number) => void) | null = null;

  constructor(connection: Connection, head: RequestHead, body: RequestBody) {
    this.#connection = connection;
    this.#socket = connection.socket;
    this.head = head;
    this.body = body;
  }

  get method(): string {
    return this.head.method;
  }

  get target(): string {
    return this.head.target;
  }

  get headerBlock(): string {
    return this.head.headerBlock;
  }

  get host(): string {
    return this.head.host;
  }

  get hasPreference(): boolean {
    return this.head.hasPreference;
  }

  get secure(): boolean {
    return this.#connection.secure;
  }

  get remoteAddress(): string {
    return this.#connection.remoteAddress;
  }

  header(name: string): string | undefined {
    const block = this.head.headerBlock;
    for (let at = 0; at < block.length; ) {
      const lineEnd = block.indexOf("\r\n", at);
      if (block.charCodeAt(at + name.length) === 0x3a && block.slice(at, at + name.length).toLowerCase() === name) {
        return trimOws(block.slice(at + name.length + 1, lineEnd));
      }
      at = lineEnd + 2;
    }
    return undefined;
  }

  respond(status: number, headerLines: string, body: string | Uint8Array | null): void {
    if (this.aborted) return;
    assert(!this.answered, "an exchange was answered twice");
    this.answered = true;
    const prefix = responsePrefix(status, this.extraLines === "" ? headerLines : withExtraLines(headerLines, this.extraLines));
    if (prefix === null) this.#respondInvalid(status);
    else this.#respondWhole(status, prefix, body);
  }

  #respondInvalid(status: number): void {
    this.#connection.reportInvalidAnswer(this, status);
    this.#respondWhole(500, responsePrefix(500, JSON_LINE) as ResponsePrefix, INVALID_ANSWER_BODY);
  }

  #respondWhole(status: number, prefix: ResponsePrefix, body: string | Uint8Array | null): void {
    const connectionLine = this.#connection.answerBegins(this);
    if (prefix.bodyless) {
      this.#socket.write(`${prefix.text}${dateLine()}${connectionLine}\r\n`, "latin1");
      this.#finish(status, 0);
      return;
    }
    // RFC 9110 section 15.3.6: a 205 has no content either, but says so by its length.
    const content = body === null || status === 205 ? "" : body;
    const isText = typeof content === "string";
    const bytes = isText ? Buffer.byteLength(content) : content.length;
    const isHead = this.head.method === "HEAD";
    const length = isHead && body === null ? (prefix.lengthHint ?? 0) : bytes;
    const head = `${prefix.text}content-length: ${length}\r\n${dateLine()}${connectionLine}\r\n`;
    if (isHead) this.#socket.write(head, "latin1");
    else if (!isText) this.#writeHeadAndBytes(head, content);
    // As many bytes as characters: ASCII, the cheap encoding for one write.
    else if (bytes === content.length) this.#socket.write(head + content, "latin1");
    else if (prefix.ascii) this.#socket.write(head + content, "utf8");
    else this.#writeHeadAndBytes(head, Buffer.from(content));
    this.#finish(status, isHead ? 0 : bytes);
  }

  #writeHeadAndBytes(head: string, content: Uint8Array): void {
    if (content.length <= COPIED_BODY_MAX_BYTES) {
      const message = Buffer.allocUnsafe(head.length + content.length);
      writeLatin1(message, head, 0);
      message.set(content, head.length);
      this.#socket.write(message);
    } else {
      writeTogether(this.#socket, head, content, "");
    }
  }

  start(status: number, headerLines: string, contentLength: number | null): void {
    if (this.aborted) return;
    assert(!this.answered, "an exchange was answered twice");
    this.answered = true;
    const prefix = responsePrefix(status, this.extraLines === "" ? headerLines : withExtraLines(headerLines, this.extraLines));
    if (prefix === null) {
      this.#respondInvalid(status);
      return;
    }
    this.#status = status;
    this.#framing = this.#framingFor(prefix, contentLength);
    if (this.#framing === UNTIL_CLOSE) this.#connection.closeAfterAnswer();
    const connectionLine = this.#connection.answerBegins(this);
    this.#pendingHead = `${prefix.text}${this.#framingLine(prefix, contentLength)}${dateLine()}${connectionLine}\r\n`;
    // The head waits for the first chunk of this turn and goes alone if none comes: events must open promptly.
    process.nextTick(flushHead, this);
  }

  #framingFor(prefix: ResponsePrefix, contentLength: number | null): number {
    if (prefix.bodyless || this.head.method === "HEAD") return NO_CONTENT;
    if (contentLength !== null) {
      assert(Number.isSafeInteger(contentLength) && contentLength >= 0, "a streamed answer declared an impossible length");
      this.#declaredBytes = contentLength;
      return FIXED_LENGTH;
    }
    return this.head.minorVersion === 1 ? CHUNKED : UNTIL_CLOSE;
  }

  #framingLine(prefix: ResponsePrefix, contentLength: number | null): string {
    if (prefix.bodyless) return "";
    const length = contentLength ?? (this.#framing === NO_CONTENT ? prefix.lengthHint : null);
    if (length !== null) return `content-length: ${length}\r\n`;
    return this.head.minorVersion === 1 ? "transfer-encoding: chunked\r\n" : "";
  }

  retract(): boolean {
    if (this.#pendingHead === "" || this.finished) return false;
    this.#pendingHead = "";
    this.#framing = NOT_STREAMING;
    this.#declaredBytes = 0;
    this.answered = false;
    return true;
  }

  write(chunk: Uint8Array): boolean {
    // An answer that was replaced by a 500 takes no content either.
    if (this.aborted || this.finished || this.#framing === NO_CONTENT || chunk.length === 0) return true;
    assert(this.#framing !== NOT_STREAMING, "a chunk was written before the answer was started");
    this.#bodyBytes += chunk.length;
    if (this.#framing === FIXED_LENGTH && this.#bodyBytes > this.#declaredBytes) {
      // The client would take the surplus for the next answer.
      this.destroy();
      return true;
    }
    const head = this.#takePendingHead();
    if (this.#framing === CHUNKED) {
      const sizeLine = `${chunk.length.toString(16)}\r\n`;
      return writeTogether(this.#socket, head + sizeLine, chunk, "\r\n");
    }
    return head === "" ? this.#socket.write(chunk) : writeTogether(this.#socket, head, chunk, "");
  }

  sendFile(fd: number, start: number, end: number): Promise<number> | null {
    const kernel = this.#framing === FIXED_LENGTH && this.#connection.isTcp ? kernelFile() : null;
    return kernel === null ? null : this.#sendFile(kernel, fd, start, end);
  }

  async #sendFile(kernel: KernelFile, fd: number, start: number, end: number): Promise<number> {
    if (this.finished) return start;
    assert(this.#bodyBytes + end - start <= this.#declaredBytes, "a file was sent that is longer than its answer declared");
    const head = this.#takePendingHead();
    if (head !== "") this.#socket.write(head, "latin1");
    this.isSendingFile = true;
    const onSent = (bytes: number): void => {
      this.#bodyBytes += bytes;
      this.#connection.answerMoves();
    };
    const reached = await sendRange(this.#socket, kernel, { fd, start, end }, { onSent, isGone: () => this.finished });
    this.isSendingFile = false;
    return reached;
  }

  end(): void {
    if (this.aborted || this.finished) return;
    assert(this.#framing !== NOT_STREAMING, "an answer was ended before it was started");
    if (this.#framing === FIXED_LENGTH && this.#bodyBytes < this.#declaredBytes) {
      this.destroy();
      return;
    }
    const rest = this.#takePendingHead() + (this.#framing === CHUNKED ? LAST_CHUNK : "");
    if (rest !== "") this.#socket.write(rest, "latin1");
    this.#finish(this.#status, this.#bodyBytes);
  }

  destroy(): void {
    if (this.finished) return;
    this.onAbort = null;
    this.abort();
    this.#connection.destroy();
  }

  /** By the connection: the client is gone, or got another answer (a refusal of its body). */
  abort(status = this.#status): void {
    if (this.finished) return;
    this.aborted = true;
    this.finished = true;
    const onAbort = this.onAbort;
    this.onAbort = null;
    onAbort?.();
    this.onFinished?.(status, this.#bodyBytes);
  }

  flushPendingHead(): void {
    const head = this.#takePendingHead();
    if (head !== "" && !this.finished) this.#socket.write(head, "latin1");
  }

  #takePendingHead(): string {
    const head = this.#pendingHead;
    this.#pendingHead = "";
    return head;
  }

  #finish(status: number, bodyBytes: number): void {
    this.finished = true;
    this.onFinished?.(status, bodyBytes);
    this.#connection.answerEnds();
  }
}

function flushHead(exchange: HttpExchange): void {
  exchange.flushPendingHead();
}

/** One gathering write. False when the client is slow. */
function writeTogether(socket: Socket, before: string, bytes: Uint8Array, after: string): boolean {
  socket.cork();
  socket.write(before, "latin1");
  socket.write(bytes);
  if (after !== "") socket.write(after, "latin1");
  socket.uncork();
  return !socket.writableNeedDrain;
}

function trimOws(value: string): string {
  return value.replace(/^[ \t]+|[ \t]+$/g, "");
}

const OWN_CORS = /^access-control-allow-origin:/im;

/** A function that sets its own CORS lines keeps them: browsers refuse two. */
function withExtraLines(headerLines: string, extraLines: string): string {
  return OWN_CORS.test(headerLines) ? headerLines : headerLines + extraLines;
}
