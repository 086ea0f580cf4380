/**
 * Realm: one context of an isolate, connected to the host. It turns what the
 * guest says over the bridge into calls of our own, trusting nothing of it:
 * whatever arrives here was written by hostile code. Nothing is thrown back
 * across the boundary (a host stack would tell of our files).
 *
 * Holds the calls whose answer is outstanding; does not know about lanes,
 * limits or isolates: the sandbox runs its turns through `enter`.
 */
import type ivm from "isolated-vm";
import type { Call } from "../engine.ts";
import type { Entry } from "../isolate/turn-runner.ts";
import { monotonicMs } from "./ops/clock.ts";
import type { OpContext } from "./ops/op.ts";
import { runAsyncOp, runSyncOp } from "./ops/run.ts";

export interface RealmHost {
  readonly opContext: OpContext;
  /** Runs a turn for `callId` (0: for nobody in particular), at once or after the turn that is running. */
  enter(callId: number, entry: Entry, args: unknown[], options: ivm.ReferenceApplyOptions): void;
  /** The realm's module ran to its end, or failed to. */
  loaded(realm: Realm, failure: { message: string; stack: string } | null): void;
  /** The call's answer has begun to stream. */
  streaming(callId: number): void;
  /** How long a promise given to waitUntil may keep a realm. */
  readonly waitMaxMs: number;
  /** No call is open and nothing given to waitUntil is pending any more. May be called within a turn. */
  idle(realm: Realm): void;
}

type Callback = (...args: unknown[]) => unknown;

/** Connects a new context to three callbacks and returns its entries. */
export type Boot = (
  sync: Callback,
  async_: Callback,
  reply: Callback,
) => { dispatch: Entry; take: Entry; signal: Entry; release: () => void };

const COPY = { arguments: { copy: true } } as const;
const LONGEST_ALARM_MS = 2 ** 31 - 1;
const HTTP_DIGITS = 3;
/** A stream that always has its next chunk ready would never end its turn: this often the guest waits for another. */
const CHUNKS_PER_TURN = 64;

export class Realm {
  /** Calls without a complete answer, oldest first. */
  readonly calls = new Map<number, Call>();
  waitCount = 0;
  /** Its call was dispatched, or will never be: a fresh realm may be freed once it is idle. */
  spent = false;
  readonly #host: RealmHost;
  readonly dispatch: Entry;
  /** Asked once the calls of this turn of the event loop are dispatched: their promises may have settled. */
  readonly take: Entry;
  readonly #signal: Entry;
  /** Frees the context of a realm whose isolate lives on. Only between turns. */
  readonly release: () => void;
  #alarm: NodeJS.Timeout | NodeJS.Immediate | null = null;
  #waitTimer: NodeJS.Timeout | null = null;
  #chunkCount = 0;
  #closed = false;

  /** `boot` is the prelude's own code, short and trusted: it runs at once, on this thread. */
  constructor(host: RealmHost, boot: Boot) {
    this.#host = host;
    const { dispatch, take, signal, release } = boot(
      (...args) => this.#sync(args),
      (...args) => this.#async(args),
      (...args) => this.#reply(args),
    );
    this.dispatch = dispatch;
    this.take = take;
    this.#signal = signal;
    this.release = release;
  }

  get busyCount(): number {
    return this.calls.size + this.waitCount;
  }

  /** Ends bookkeeping; the isolate or context is the sandbox's to free. Returns the calls left open. */
  close(): [number, Call][] {
    this.#closed = true;
    this.#clearAlarm();
    this.#disarmWait();
    const left = [...this.calls];
    this.calls.clear();
    this.waitCount = 0;
    return left;
  }

  /** Packed answer of a call that ended within its turn: "STATUS LENGTH\nLINES BODY". */
  answerPacked(call: Call, packed: unknown): void {
    if (typeof packed !== "string") {
      invalid(call, "dispatch returned no string");
      return;
    }
    const newline = packed.indexOf("\n");
    const bodyStart = newline + 1 + Number(packed.slice(HTTP_DIGITS + 1, newline));
    call.exchange.respond(Number(packed.slice(0, HTTP_DIGITS)), packed.slice(newline + 1, bodyStart), packed.slice(bodyStart));
  }

  /** Hot path. Answers gathered by the guest (dispatch.ts, `take`): "CALL STATUS LINES BODY\n", lines and body, over and over. */
  answerSettled(packed: unknown): void {
    if (typeof packed !== "string") return;
    for (let at = 0; at < packed.length; ) {
      const callEnd = packed.indexOf(" ", at);
      const statusEnd = packed.indexOf(" ", callEnd + 1);
      const linesEnd = packed.indexOf(" ", statusEnd + 1);
      const newline = packed.indexOf("\n", linesEnd + 1);
      const bodyStart = newline + 1 + wholeNumber(packed, statusEnd + 1, linesEnd);
      const end = bodyStart + wholeNumber(packed, linesEnd + 1, newline);
      // Written by hostile code: what leads nowhere, or back, ends the reading, and the calls run into their deadline.
      const leadsOn = callEnd > at && statusEnd > callEnd && linesEnd > statusEnd && newline > linesEnd && end <= packed.length;
      if (!leadsOn) return;
      const callId = wholeNumber(packed, at, callEnd);
      const status = wholeNumber(packed, callEnd + 1, statusEnd);
      const call = this.calls.get(callId);
      if (call !== undefined && !call.exchange.answered) {
        this.#forget(callId);
        try {
          call.exchange.respond(status, packed.slice(newline + 1, bodyStart), packed.slice(bodyStart, end));
        } catch (error) {
          invalid(call, (error as Error).message);
        }
      }
      at = end;
    }
  }

  /** The call is over as far as we are concerned: its client left, or it was given up. The guest is told. */
  drop(callId: number): void {
    if (this.#forget(callId)) this.#post(callId, "abort", callId, undefined);
  }

  /** The guest's signal fires; a call that has yet to be answered goes on, for a client that may wait for it. */
  clientLeft(callId: number, mayWait: boolean): void {
    if (!mayWait) this.drop(callId);
    else if (this.calls.get(callId)?.exchange.answered === false) this.#post(callId, "abort", callId, undefined);
  }

  #forget(callId: number): boolean {
    const call = this.calls.get(callId);
    if (call === undefined) return false;
    this.calls.delete(callId);
    call.exchange.onAbort = null;
    call.exchange.onDrain = null;
    if (this.busyCount === 0) this.#host.idle(this);
    return true;
  }

  #post(callId: number, kind: string, id: number, value: unknown): void {
    if (!this.#closed) this.#host.enter(callId, this.#signal, [kind, id, value], COPY);
  }

  #reply(args: unknown[]): void {
    try {
      const [callId, status, lines, body] = args;
      const call = this.calls.get(callId as number);
      if (call === undefined) return;
      this.#forget(callId as number);
      if (call.exchange.answered) {
        invalid(call, "the guest replied to a call whose answer it was streaming");
        return;
      }
      if (
        typeof status !== "number" ||
        typeof lines !== "string" ||
        !(body === null || typeof body === "string" || body instanceof Uint8Array)
      ) {
        invalid(call, "the guest's reply is not a status, header lines and a body");
        return;
      }
      try {
        call.exchange.respond(status, lines, body);
      } catch (error) {
        invalid(call, (error as Error).message);
      }
    } catch (error) {
      this.#internal(error);
    }
  }

  #sync(args: unknown[]): unknown {
    try {
      const [name, ...rest] = args;
      if (Object.hasOwn(OWN_OPERATIONS, name as string)) return OWN_OPERATIONS[name as string]?.call(this, rest);
      return runSyncOp(this.#host.opContext, name as string, rest);
    } catch (error) {
      this.#internal(error);
      return { $fault: "Error", message: "internal error" };
    }
  }

  #async(args: unknown[]): unknown {
    try {
      const [name, ticket, callId, ...rest] = args;
      if (typeof ticket !== "number" || typeof callId !== "number") return { $fault: "TypeError", message: "a ticket is missing" };
      const settle = (value: unknown): void => this.#post(callId, "settle", ticket, value);
      if (name === "body.read") return this.#readBody(rest[0], settle);
      return runAsyncOp(this.#host.opContext, callId, name as string, rest, settle);
    } catch (error) {
      this.#internal(error);
      return { $fault: "Error", message: "internal error" };
    }
  }

  #readBody(callId: unknown, settle: (value: unknown) => void): unknown {
    const call = this.calls.get(callId as number);
    if (call === undefined) return { $fault: "TypeError", message: "The request is over: its body can no longer be read" };
    call.exchange.body.read().then(
      (chunk) => settle(chunk === null ? null : chunk.byteLength === chunk.buffer.byteLength ? chunk : chunk.slice()),
      (error: Error) => settle({ $fault: "TypeError", message: error.message }),
    );
    return undefined;
  }

  #setAlarm(delayMs: unknown): void {
    this.#clearAlarm();
    if (typeof delayMs !== "number" || !(delayMs >= 0) || this.#closed) return;
    const ring = (): void => {
      this.#alarm = null;
      this.#post(0, "alarm", 0, monotonicMs());
    };
    // Another timer is due already, and only waits for the microtasks of the one that ran.
    this.#alarm = delayMs === 0 ? setImmediate(ring) : setTimeout(ring, Math.min(delayMs, LONGEST_ALARM_MS));
  }

  #clearAlarm(): void {
    if (this.#alarm === null) return;
    // Each ignores what is the other's.
    clearTimeout(this.#alarm as NodeJS.Timeout);
    clearImmediate(this.#alarm as NodeJS.Immediate);
    this.#alarm = null;
  }

  /** A promise that never settles must not keep a sandbox for ever. */
  #armWait(): void {
    this.#disarmWait();
    this.#waitTimer = setTimeout(() => {
      this.#host.opContext.log(
        "warn",
        `A promise given to waitUntil did not settle within ${this.#host.waitMaxMs} ms and is no longer waited for`,
        0,
      );
      this.waitCount = 0;
      if (this.busyCount === 0) this.#host.idle(this);
    }, this.#host.waitMaxMs);
  }

  #disarmWait(): void {
    if (this.#waitTimer !== null) clearTimeout(this.#waitTimer);
    this.#waitTimer = null;
  }

  #internal(error: unknown): void {
    this.#host.opContext.log("error", `internal error in the bridge: ${error instanceof Error ? error.stack : String(error)}`, 0);
  }

  static readonly operations = {
    "call.start"(this: Realm, [callId, status, lines, length]: unknown[]): void {
      const call = this.calls.get(callId as number);
      if (call === undefined || call.exchange.answered || typeof status !== "number" || typeof lines !== "string") return;
      this.#host.streaming(callId as number);
      call.exchange.start(status, lines, typeof length === "number" ? length : null);
      // HEAD has no body to wait for, however long the function's stream is.
      if (call.exchange.method !== "HEAD") return;
      this.#forget(callId as number);
      call.exchange.end();
    },
    /** False asks the guest to wait for "drain"; null says that nobody reads any more. */
    "call.write"(this: Realm, [callId, chunk]: unknown[]): boolean | null {
      const call = this.calls.get(callId as number);
      if (call === undefined || call.exchange.aborted) return null;
      if (!call.exchange.answered || !(chunk instanceof Uint8Array)) return true;
      const hasRoom = call.exchange.write(chunk);
      if (hasRoom && ++this.#chunkCount % CHUNKS_PER_TURN !== 0) return true;
      if (hasRoom) {
        setImmediate(() => this.#post(callId as number, "drain", callId as number, undefined));
        return false;
      }
      call.exchange.onDrain = () => {
        call.exchange.onDrain = null;
        this.#post(callId as number, "drain", callId as number, undefined);
      };
      return false;
    },
    "call.end"(this: Realm, [callId]: unknown[]): void {
      const call = this.calls.get(callId as number);
      if (call === undefined || !call.exchange.answered) return;
      this.#forget(callId as number);
      call.exchange.end();
    },
    "call.broken"(this: Realm, [callId, message, stack]: unknown[]): void {
      const call = this.calls.get(callId as number);
      if (call === undefined) return;
      this.#forget(callId as number);
      call.fail({ code: "HANDLER_THREW", message: `The response stream failed: ${text(message)}`, stack: text(stack) });
    },
    "call.failed"(this: Realm, [callId, message, stack]: unknown[]): void {
      const call = this.calls.get(callId as number);
      if (call === undefined) return;
      this.#forget(callId as number);
      call.fail({ code: "HANDLER_THREW", message: text(message), stack: text(stack) });
    },
    "timer.alarm"(this: Realm, [delayMs]: unknown[]): void {
      this.#setAlarm(delayMs);
    },
    "wait.begin"(this: Realm): void {
      this.waitCount++;
      this.#armWait();
    },
    "wait.end"(this: Realm): void {
      if (this.waitCount > 0) this.waitCount--;
      if (this.waitCount === 0) this.#disarmWait();
      if (this.busyCount === 0) this.#host.idle(this);
    },
    log(this: Realm, [level, message, callId]: unknown[]): void {
      const known = level === "debug" || level === "warn" || level === "error" ? level : "info";
      this.#host.opContext.log(known, text(message), typeof callId === "number" ? callId : 0);
    },
    "load.done"(this: Realm): void {
      this.#host.loaded(this, null);
    },
    "load.failed"(this: Realm, [message, stack]: unknown[]): void {
      this.#host.loaded(this, { message: text(message), stack: text(stack) });
    },
  };
}

const OWN_OPERATIONS = Realm.operations as Record<string, (this: Realm, args: unknown[]) => unknown>;

/** Guest text for logs, bounded: it may be anything. */
const TEXT_MAX = 64 * 1024;
function text(value: unknown): string {
  return typeof value === "string" ? value.slice(0, TEXT_MAX) : "";
}

function invalid(call: Call, why: string): void {
  call.fail({ code: "INVALID_ANSWER", message: `The function's answer can't be sent: ${why}` });
}

/** Of decimal digits alone; NaN for anything else. Number() on a slice would cost a string for each. */
function wholeNumber(text: string, start: number, end: number): number {
  let value = start < end ? 0 : Number.NaN;
  for (let at = start; at < end; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}
