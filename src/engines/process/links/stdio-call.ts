/**
 * Stdio call: the one call of a one-shot process. Collects the output until it is
 * known what it is and how the process ended, for there is no other way to learn
 * that it failed; what is longer than COLLECTED_MAX_BYTES goes to the client as it
 * comes. A failed command has its exit code to say so; who wrote a CGI head has
 * said what is the matter, and its exit code is only noted.
 */
import type { Readable, Writable } from "node:stream";
import { assert } from "../../../base/assert.ts";
import { formatSize, KIB } from "../../../base/units.ts";
import type { Call, CallFailure } from "../../engine.ts";
import type { ProcessEnd } from "../launch/launched.ts";
import type { CallEnd, LinkedCall } from "./link.ts";
import { answerFault } from "./message-heads.ts";
import type { StdioLinkOptions, StdioProcess } from "./stdio-link.ts";
import { type OutputHead, OutputHeadReader, plainLines } from "./stdio-output.ts";

export const COLLECTED_MAX_BYTES = 256 * KIB;
/** Between the end of the output and that of the process. One that stays longer has closed its output on purpose. */
const END_WAIT_MS = 500;
/** Ended by somebody, not by its own fault. */
const FROM_OUTSIDE: ReadonlySet<string> = new Set(["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP"]);
const EVENT_STREAM = /^content-type:[ \t]*text\/event-stream/im;
const ANSWERED: CallEnd = { kind: "answered" };

export class StdioCall implements LinkedCall {
  readonly #call: Call;
  readonly #ended: (end: CallEnd) => void;
  readonly #process: StdioProcess;
  readonly #options: StdioLinkOptions;
  readonly #input: Writable;
  readonly #output: Readable;
  readonly #headReader: OutputHeadReader;
  #head: Exclude<OutputHead, { kind: "invalid" }> | null = null;
  /** Of the body, until it is sent. */
  #collected: Buffer[] = [];
  #collectedBytes = 0;
  #outputBytes = 0;
  #isStreaming = false;
  #isOutputOver = false;
  #processEnd: ProcessEnd | null = null;
  #endWait: NodeJS.Timeout | null = null;
  #isOver = false;

  readonly #onData = (chunk: Buffer): void => this.#take(chunk);
  readonly #onOutputOver = (): void => this.#outputOver();

  constructor(call: Call, ended: (end: CallEnd) => void, process: StdioProcess, options: StdioLinkOptions) {
    const { stdin, stdout } = process;
    assert(stdin !== null && stdout !== null, "a one-shot call was given a process whose standard input or output is not ours");
    this.#call = call;
    this.#ended = ended;
    this.#process = process;
    this.#options = options;
    this.#input = stdin;
    this.#output = stdout;
    this.#headReader = new OutputHeadReader(options.form);
  }

  start(): void {
    const output = this.#output;
    output.on("data", this.#onData);
    for (const event of ["end", "error", "close"]) output.on(event, this.#onOutputOver);
    void this.#process.ended.then((end) => this.#processEnded(end));
    // A process that reads none of its input, or not all of it, is as good as another (EPIPE).
    this.#input.on("error", () => {});
    this.#sendBody().catch((error: Error) => this.#fail({ code: "BODY_FAILED", message: error.message }));
  }

  async #sendBody(): Promise<void> {
    const { body } = this.#call.exchange;
    if (body.complete) {
      if (body.whole === null) this.#input.end();
      else this.#input.end(body.whole);
      return;
    }
    for (let chunk = await body.read(); chunk !== null; chunk = await body.read()) {
      if (this.#isOver || !this.#input.writable) return;
      if (!this.#input.write(chunk)) await this.#inputMoves();
    }
    if (!this.#isOver) this.#input.end();
  }

  #inputMoves(): Promise<void> {
    const input = this.#input;
    return new Promise((resolve) => {
      const done = (): void => {
        for (const event of ["drain", "close", "error"]) input.off(event, done);
        resolve();
      };
      for (const event of ["drain", "close", "error"]) input.on(event, done);
      // Its failure may have been told before anybody waited for it.
      if (input.destroyed) done();
    });
  }

  #take(chunk: Buffer): void {
    this.#outputBytes += chunk.length;
    const { functionId, outputMaxBytes } = this.#options;
    if (outputMaxBytes !== null && this.#outputBytes > outputMaxBytes) {
      this.#fail({ code: "OUTPUT_TOO_LARGE", message: `${functionId} wrote more than ${formatSize(outputMaxBytes)} to standard output` });
    } else if (this.#isStreaming) {
      this.#write(chunk);
    } else if (this.#head !== null) {
      this.#collect(chunk);
    } else {
      const head = this.#headReader.push(chunk);
      if (head !== null) this.#begin(head);
    }
  }

  #begin(head: OutputHead): void {
    if (head.kind === "invalid") {
      this.#fail(head.failure);
      return;
    }
    this.#head = head;
    this.#collect(head.body);
  }

  #collect(chunk: Buffer): void {
    this.#collected.push(chunk);
    this.#collectedBytes += chunk.length;
    const head = this.#head!;
    if (this.#collectedBytes > COLLECTED_MAX_BYTES || (head.kind === "cgi" && EVENT_STREAM.test(head.head.headerLines))) this.#stream();
  }

  #stream(): void {
    const body = this.#takeCollected();
    const head = this.#answerHead(body, false);
    if (head === null) return;
    this.#isStreaming = true;
    this.#call.exchange.start(head.status, head.headerLines, null);
    if (body.length > 0) this.#write(body);
  }

  #takeCollected(): Buffer {
    const collected = this.#collected;
    this.#collected = [];
    this.#collectedBytes = 0;
    return collected.length === 1 ? collected[0]! : Buffer.concat(collected);
  }

  /** Null where it can't be sent, and the call has failed. */
  #answerHead(body: Buffer, isWhole: boolean): { readonly status: number; readonly headerLines: string } | null {
    const known = this.#head!;
    const head = known.kind === "cgi" ? known.head : { status: 200, headerLines: plainLines(body, isWhole) };
    const fault = answerFault(head.status, head.headerLines);
    if (fault === null) return head;
    this.#fail({ code: "INVALID_ANSWER", message: `${this.#options.functionId}'s answer can't be sent: ${fault}` });
    return null;
  }

  #write(chunk: Buffer): void {
    const { exchange } = this.#call;
    if (exchange.write(chunk) || this.#isOver || this.#processEnd !== null) return;
    this.#output.pause();
    exchange.onDrain = () => {
      exchange.onDrain = null;
      this.#output.resume();
    };
  }

  #outputOver(): void {
    if (this.#isOutputOver || this.#isOver) return;
    this.#isOutputOver = true;
    if (this.#head === null) this.#begin(this.#headReader.finish());
    if (this.#isOver) return;
    if (this.#processEnd !== null) this.#conclude(this.#processEnd);
    else this.#endWait = setTimeout(() => this.#conclude(null), END_WAIT_MS);
  }

  #processEnded(end: ProcessEnd): void {
    this.#processEnd = end;
    if (this.#isOver) return;
    if (this.#isOutputOver) this.#conclude(end);
    // What is left fits a pipe, and need not wait for a slow client.
    else this.#output.resume();
  }

  /** All that it will ever say is here; `end` is null for one that lives on. */
  #conclude(end: ProcessEnd | null): void {
    if (this.#isOver) return;
    const failure = end === null ? null : this.#failureOf(end);
    if (failure !== null) {
      this.#fail(failure);
      return;
    }
    if (end !== null && end.code !== 0) this.#call.log("warn", `It wrote its answer and ended with ${end.told}`);
    const { exchange } = this.#call;
    if (this.#isStreaming) {
      this.#over();
      exchange.end();
      this.#ended(ANSWERED);
      return;
    }
    const body = this.#takeCollected();
    const head = this.#answerHead(body, true);
    if (head === null) return;
    this.#over();
    exchange.respond(head.status, head.headerLines, body.length === 0 ? null : body);
    this.#ended(ANSWERED);
  }

  /** What the end of the process says of its answer; null where that is as good as it looks. */
  #failureOf({ code, signal, told }: ProcessEnd): CallFailure | null {
    const { functionId } = this.#options;
    if (signal !== null && FROM_OUTSIDE.has(signal))
      return { code: "SANDBOX_LOST", message: `The process of ${functionId} ended before its answer did: ${told}` };
    const isAnswer = this.#outputBytes > 0 && this.#head?.kind === "cgi";
    if (signal === null && (code === 0 || isAnswer)) return null;
    const lines = this.#process.lastErrorLines().trim();
    return { code: "GUEST_EXITED", message: `${functionId} ended with ${told}${lines === "" ? "" : `; it said: ${lines}`}` };
  }

  abandon(failure: CallFailure): void {
    this.#fail(failure);
  }

  /** Nobody waits for more: what has ended with output that is still held open by somebody else has said what it had to say. */
  lost(why: string): void {
    if (this.#isOver) return;
    if (this.#processEnd !== null) this.#outputOver();
    if (!this.#isOver) this.#fail({ code: "SANDBOX_LOST", message: `The process of ${this.#options.functionId} did not answer: ${why}` });
  }

  #fail(failure: CallFailure): void {
    if (this.#isOver) return;
    this.#over();
    this.#ended({ kind: "failed", failure, isSpent: true });
  }

  /** Lets go of the streams: what comes now is somebody else's to read. */
  #over(): void {
    this.#isOver = true;
    this.#collected = [];
    this.#call.exchange.onDrain = null;
    if (this.#endWait !== null) clearTimeout(this.#endWait);
    this.#output.off("data", this.#onData);
    for (const event of ["end", "error", "close"]) this.#output.off(event, this.#onOutputOver);
    // A failure behind our back has nobody else to hear it.
    this.#output.on("error", () => {});
    this.#output.resume();
  }
}
