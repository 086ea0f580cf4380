/**
 * A served call: one exchange on its way through a function, from the place in
 * the pool to the counters. Turns an engine's failure into an answer that
 * tells a stranger nothing but a code and a request id; the log has the rest,
 * and so has the page that `dev` shows.
 */

import type { Call, CallFailure } from "../engines/engine.ts";
import { STATUS_OF_FAILURE } from "../engines/engine.ts";
import { RETRY_SOON_LINE } from "../http/answer-lines.ts";
import { answerError } from "../http/error-answer.ts";
import type { Exchange } from "../http/exchange.ts";
import type { LogLevel } from "../telemetry/log-record.ts";
import { outgoingTraceparent, type TraceContext, traceContext } from "../telemetry/trace-context.ts";
import type { FunctionRuntime } from "./function-runtime.ts";
import { requestIdOf } from "./request-id.ts";

export class ServedCall implements Call {
  readonly exchange: Exchange;
  readonly params: Readonly<Record<string, string>> | null;
  readonly #runtime: FunctionRuntime;
  readonly #startMs = performance.now();
  #grantedMs = 0;
  #trace: TraceContext | null = null;
  #requestId = "";

  constructor(exchange: Exchange, params: Readonly<Record<string, string>> | null, runtime: FunctionRuntime) {
    this.exchange = exchange;
    this.params = params;
    this.#runtime = runtime;
    exchange.onFinished = (status, bodyBytes) => this.#finished(status, bodyBytes);
  }

  /** A client that left has had its end already (`onFinished`). */
  get gone(): boolean {
    return this.exchange.aborted;
  }

  granted(): void {
    this.#grantedMs = performance.now();
    this.#runtime.start(this);
  }

  refused(): void {
    const { id } = this.#runtime.spec;
    answerError(this.exchange, 503, "POOL_EXHAUSTED", `All places of ${id} are taken; try again shortly`, RETRY_SOON_LINE);
  }

  fail(failure: CallFailure): void {
    const status = STATUS_OF_FAILURE[failure.code];
    const told = this.#runtime.failed(this, failure, status);
    if (this.exchange.answered && !this.exchange.retract()) {
      // The head is out: a broken transfer is the only honest end.
      this.exchange.destroy();
      return;
    }
    if (told === null) this.#answer(failure, status);
    else void told.then(() => this.exchange.answered || this.#answer(failure, status));
  }

  #answer(failure: CallFailure, status: number): void {
    if (this.#runtime.showsErrors) void this.#showError(failure, status);
    else this.#tellStranger(failure, status);
  }

  async #showError(failure: CallFailure, status: number): Promise<void> {
    const page = await this.#runtime.errorPage(this.exchange, failure).catch(() => null);
    if (this.exchange.answered || this.exchange.aborted) return;
    if (page === null) this.#tellStranger(failure, status);
    else this.exchange.respond(status, page.headerLines, page.body);
  }

  #tellStranger(failure: CallFailure, status: number): void {
    const lines = `x-request-id: ${this.requestId}\r\n${status === 503 ? RETRY_SOON_LINE : ""}`;
    answerError(this.exchange, status, failure.code, this.#publicMessage(failure), lines, this.requestId);
  }

  log(level: LogLevel, message: string): void {
    this.#runtime.guestLog(level, message, this.requestId);
  }

  traceparent(): string {
    this.#trace ??= traceContext(this.exchange.header("traceparent"));
    return outgoingTraceparent(this.#trace);
  }

  get requestId(): string {
    if (this.#requestId === "") this.#requestId = requestIdOf(this.exchange);
    return this.#requestId;
  }

  #publicMessage(failure: CallFailure): string {
    const { id, timeoutMs } = this.#runtime.spec;
    if (failure.code === "CALL_TIMEOUT") return `${id} did not answer within ${timeoutMs} ms`;
    if (failure.code === "CPU_LIMIT_EXCEEDED") return `${id} used more CPU time than it may`;
    if (failure.code === "MEMORY_LIMIT_EXCEEDED") return `${id} used more memory than it may`;
    if (failure.code === "BODY_FAILED") return "The request body could not be read";
    if (failure.code === "NO_INSTANCE") return `All instances of ${id} are busy; try again shortly`;
    if (STATUS_OF_FAILURE[failure.code] === 503) return `${id} is restarting; try again shortly`;
    return `${id} failed; the server's log has the reason under this request id`;
  }

  #finished(status: number, bodyBytes: number): void {
    const endMs = performance.now();
    this.#runtime.finished(
      this,
      status,
      bodyBytes,
      (endMs - this.#startMs) * 1_000,
      this.#grantedMs === 0 ? -1 : (endMs - this.#grantedMs) * 1_000,
    );
  }
}
