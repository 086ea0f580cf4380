/**
 * Counted call: a call that counts how it ends, for those who must end it once.
 * Behaves as a served call does: a failure breaks off an answer that has begun,
 * and a client that has left is told nothing.
 */
import type { Call, CallFailure } from "../../src/engines/engine.ts";
import type { Exchange } from "../../src/http/exchange.ts";
import { IncomingBody, NO_BODY } from "../../src/http/request-body.ts";

export interface CountedCall {
  readonly call: Call;
  readonly number: number;
  /** "answered", "broken off" or the code of its failure; one for each time it ended. */
  readonly ends: string[];
  readonly failures: CallFailure[];
  /** The client goes away. */
  leave(): void;
}

export interface CountedRequest {
  readonly method: string;
  readonly isBodyWhole: boolean;
  readonly target?: string;
}

export function countedCall(
  number: number,
  { method, isBodyWhole, target = "/" }: CountedRequest,
  onEnd: () => void = () => {},
): CountedCall {
  const ends: string[] = [];
  const failures: CallFailure[] = [];
  const end = (how: string): void => {
    ends.push(how);
    onEnd();
  };
  // One that comes in parts ends when somebody reads it.
  const bodyEnds = (): void => queueMicrotask(() => (exchange.body as IncomingBody).finish());
  const exchange = {
    method,
    target,
    headerBlock: "",
    body: isBodyWhole ? NO_BODY : new IncomingBody({ bodyWanted: () => bodyEnds(), bodyDrained() {} }, null),
    aborted: false,
    answered: false,
    onAbort: null as ((mayWait?: boolean) => void) | null,
    onDrain: null,
    respond() {
      exchange.answered = true;
      end("answered");
    },
    start() {
      exchange.answered = true;
    },
    write: () => true,
    end: () => end("answered"),
  };
  const call: Call = {
    exchange: exchange as unknown as Exchange,
    params: null,
    requestId: `r${number}`,
    fail(failure) {
      failures.push(failure);
      end(exchange.answered ? "broken off" : failure.code);
    },
    log: () => {},
    traceparent: () => "",
  };
  const leave = (): void => {
    // Of a call that has its answer, nobody is told.
    if (ends.length > 0) return;
    exchange.aborted = true;
    exchange.onAbort?.();
  };
  return { call, number, ends, failures, leave };
}
