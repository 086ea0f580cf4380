/**
 * Server answers: what this worker answers without a function, counted and
 * logged as calls are. The sources are a fixed few, so that nothing a client
 * sends can add a series.
 */
import type { Exchange } from "../http/exchange.ts";
import type { AnswerSource, ServerAnswerCount } from "../telemetry/metrics.ts";
import { type Log, logAccess } from "./access-log.ts";
import { requestIdOf } from "./request-id.ts";

export class ServerAnswers {
  /** Null keeps no access log. */
  readonly #log: Log | null;
  readonly #counts: { -readonly [Field in keyof ServerAnswerCount]: ServerAnswerCount[Field] }[] = [];

  constructor(log: Log | null) {
    this.#log = log;
  }

  /** Counts the answer that this exchange is about to get. */
  expect(exchange: Exchange, source: AnswerSource): void {
    const startMs = performance.now();
    exchange.onFinished = (status, bodyBytes) => {
      this.#count(source, status);
      if (this.#log === null) return;
      const latencyUs = (performance.now() - startMs) * 1_000;
      logAccess(this.#log, { source }, exchange, { requestId: requestIdOf(exchange), status, bodyBytes, latencyUs });
    };
  }

  counts(): ServerAnswerCount[] {
    return this.#counts.map((one) => ({ ...one }));
  }

  #count(source: AnswerSource, status: number): void {
    const known = this.#counts.find((one) => one.source === source && one.status === status);
    if (known === undefined) this.#counts.push({ source, status, count: 1 });
    else known.count++;
  }
}
