/**
 * Whole body call: the same call with its body read to the end, for whoever has
 * to give it twice: a first start shows it to the program before it is known how
 * that wants to be called. Bodies are bounded by the server's own limit.
 */
import type { Exchange } from "../../../http/exchange.ts";
import { WholeBody } from "../../../http/request-body.ts";
import type { Call } from "../../engine.ts";

/** Rejects as reading does: too large, too slow, client gone. */
export async function withWholeBody(call: Call): Promise<Call> {
  const { exchange } = call;
  if (exchange.body.complete) return call;
  const whole = await exchange.body.readAll();
  const body = new WholeBody(whole, whole?.length ?? 0);
  // Once in the life of a function, so a proxy will do: the exchange has private members, and more to come.
  const same = new Proxy(exchange, {
    get(target, key) {
      if (key === "body") return body;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
    set: (target, key, value) => Reflect.set(target, key, value, target),
  });
  return new CallWith(call, same);
}

class CallWith implements Call {
  readonly exchange: Exchange;
  readonly #call: Call;

  constructor(call: Call, exchange: Exchange) {
    this.#call = call;
    this.exchange = exchange;
  }

  get params(): Call["params"] {
    return this.#call.params;
  }
  get requestId(): string {
    return this.#call.requestId;
  }
  fail(failure: Parameters<Call["fail"]>[0]): void {
    this.#call.fail(failure);
  }
  log(...record: Parameters<Call["log"]>): void {
    this.#call.log(...record);
  }
  traceparent(): string {
    return this.#call.traceparent();
  }
}
