/**
 * Dispatch: the host enters here once per call, and once more for whatever a
 * call waits for. Hot path: a handler that answers at once costs one entry and
 * no promise; its answer goes back as the return value of `dispatch`, packed
 * in one string because a second value would cost more than the packing. An
 * async handler that has nothing to wait for settles in the microtasks of that
 * same entry, too late to be returned: such answers are gathered and fetched
 * together by `take`, once for all calls of a turn of the event loop, where a
 * callback each would cost 1.3 us (docs/decisions/0004-turns-and-lanes.md; the
 * whole of it is measured by `npm run bench -- throughput`).
 */
import { streamAnswer, wakeStream } from "./answer-stream.ts";
import type { BodySource } from "./body.ts";
import { connect, current, hostAsync, hostSync, settle } from "./bridge.ts";
import { capabilities } from "./capabilities/env.ts";
import { setClock, turnClock } from "./clock.ts";
import { type CallContext, findHandler, type Handler } from "./handler.ts";
import { abortRequest, endRequest, incomingRequest, origin, type Request } from "./request.ts";
import { Response, TEXT_LINES, typed } from "./response.ts";
import { ReadableStream } from "./streams.ts";
import { describe, nameOf } from "./thrown.ts";
import { ring } from "./timers.ts";

type Reply = (callId: number, status: number, lines: string, body: string | Uint8Array | null) => void;

/** What an incoming body is when it crosses: none, text, bytes, or still arriving. */
type IncomingBody = null | string | Uint8Array | true;

/** Longer texts are streamed, so that neither side holds a second copy of the whole. */
const WHOLE_TEXT_MAX = 4 * 1024 * 1024;

let reply: Reply;
let handler: Handler;
let env: Readonly<Record<string, unknown>>;
const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});
const jsonParse = JSON.parse;

/** Whether the host will `take`: in the loop lane, after a dispatch. Otherwise answers go by callback. */
let gathers = false;
let settledAnswers = "";
/** What dispatch returned last: isolated-vm throws in its place when some promise was rejected unheard. */
let returnedAnswer: string | undefined;

export interface BootOptions {
  readonly scheme: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Entered once per realm, before the function's code: hands over the callbacks, returns the entries. */
export function boot(
  sync: Parameters<typeof connect>[0],
  async_: Parameters<typeof connect>[1],
  replyCallback: Reply,
  optionsJson: string,
): { dispatch: typeof dispatch; take: typeof take; signal: typeof signal } {
  connect(sync, async_);
  reply = replyCallback;
  const options = jsonParse(optionsJson) as BootOptions;
  origin.scheme = options.scheme;
  // Spread, not assigned: a text may have the name of a capability.
  env = Object.freeze({ __proto__: capabilities, ...options.env });
  // Here and not in the prelude, because V8 adds these to every new context. Memories of
  // WebAssembly lie outside the heap that V8 limits, and a Wasm function has a limit of its
  // own; shared memory would only serve to build a fine clock.
  Reflect.deleteProperty(globalThis, "WebAssembly");
  Reflect.deleteProperty(globalThis, "SharedArrayBuffer");
  Object.defineProperty(globalThis, "__env__", { value: { ...options.env }, configurable: true, writable: true });
  Object.defineProperty(globalThis, "__pilotlight_load", { value: load, configurable: true });
  Object.defineProperty(globalThis, "__pilotlight_install", { value: install, configurable: true });
  return { dispatch, take, signal };
}

/** The bundle's first call: runs the module and tells the host how it went. */
function load(module: () => Promise<void>): void {
  Reflect.deleteProperty(globalThis, "__pilotlight_load");
  module().then(
    () => {
      if (handler === undefined) hostSync("load.failed", "TypeError: the bundle installed no handler", "");
    },
    (error: unknown) => {
      const { message, stack } = describe(error);
      hostSync("load.failed", message, stack);
    },
  );
}

/** The bundle's last call, with the namespace of the function's module. */
function install(module: Record<string, unknown>): void {
  Reflect.deleteProperty(globalThis, "__pilotlight_install");
  const found = findHandler(module);
  handler = found.handler;
  hostSync("load.done", found.methods ?? null);
}

function dispatch(
  callId: number,
  method: string,
  target: string,
  block: string,
  body: IncomingBody,
  paramsJson: string | undefined,
  takes: boolean,
): string | undefined {
  current.callId = callId;
  turnClock.isSet = false;
  gathers = takes;
  const source: BodySource = body === true ? { open: () => incomingStream(callId) } : body;
  const request = incomingRequest({ method, target, block, source, callId });
  try {
    const context = new Context(paramsJson === undefined ? NO_PARAMS : jsonParse(paramsJson));
    const result = handler(request, env, context);
    if (result instanceof Response) return answerTurn(callId, request, result);
    if (isThenable(result)) {
      result.then(
        (value) => answerLater(callId, request, value),
        (error) => failCall(callId, request, error),
      );
      return undefined;
    }
    return answerTurn(callId, request, toResponse(result));
  } catch (error) {
    failCall(callId, request, error);
    return undefined;
  }
}

/**
 * The answers gathered so far, each "CALL STATUS LINES BODY\n" with the lengths
 * of its header lines and body, then those. With `lost`, what the last
 * dispatch would have returned.
 */
function take(lost: boolean): string | undefined {
  if (lost) return returnedAnswer;
  const answers = settledAnswers;
  settledAnswers = "";
  return answers;
}

/** Within dispatch: by value in the loop lane, by callback in the thread lane, where a lost value could not be asked for. */
function answerTurn(callId: number, request: Request, response: Response): string | undefined {
  returnedAnswer = undefined;
  if (gathers) {
    returnedAnswer = answerNow(callId, request, response);
    return returnedAnswer;
  }
  send(callId, request, response, response.take());
  return undefined;
}

function answerNow(callId: number, request: Request, response: Response): string | undefined {
  const source = response.take();
  if (source === null || (typeof source === "string" && source.length <= WHOLE_TEXT_MAX)) {
    const answer = `${response.status} ${packed(response.headerLines())}${source ?? ""}`;
    endRequest(request);
    return answer;
  }
  send(callId, request, response, source);
  return undefined;
}

function packed(lines: string): string {
  return `${lines.length}\n${lines}`;
}

function answerLater(callId: number, request: Request, value: unknown): void {
  current.callId = callId;
  try {
    const response = toResponse(value);
    const source = response.take();
    if (gathers && typeof source === "string" && source.length <= WHOLE_TEXT_MAX) {
      const lines = response.headerLines();
      settledAnswers += `${callId} ${response.status} ${lines.length} ${source.length}\n${lines}${source}`;
      endRequest(request);
    } else send(callId, request, response, source);
  } catch (error) {
    failCall(callId, request, error);
  }
}

function send(callId: number, request: Request, response: Response, source: BodySource): void {
  if (source === null || source instanceof Uint8Array || (typeof source === "string" && source.length <= WHOLE_TEXT_MAX)) {
    reply(callId, response.status, response.headerLines(), source);
    endRequest(request);
    return;
  }
  void streamAnswer(callId, response.status, response.headerLines(), source).finally(() => endRequest(request));
}

function incomingStream(callId: number): ReadableStream {
  return new ReadableStream({
    async pull(controller: { enqueue(chunk: Uint8Array): void; close(): void }) {
      const chunk = (await hostAsync("body.read", callId)) as Uint8Array | null;
      if (chunk === null) controller.close();
      else controller.enqueue(chunk);
    },
  });
}

/** Entered by the host for everything but a new call. */
function signal(kind: "settle" | "alarm" | "abort" | "drain", id: number, value: unknown): void {
  gathers = false;
  turnClock.isSet = false;
  if (kind === "settle") settle(id, value);
  else if (kind === "alarm") {
    setClock(value as number);
    ring(reportUncaught);
  } else {
    const isGone = kind === "abort";
    if (isGone) current.callId = id;
    wakeStream(id, isGone);
    if (isGone) abortRequest(id);
  }
}

class Context implements CallContext {
  readonly params: Readonly<Record<string, string>>;

  constructor(params: Readonly<Record<string, string>>) {
    this.params = params;
  }

  waitUntil(promise: unknown): void {
    const { callId } = current;
    hostSync("wait.begin");
    Promise.resolve(promise)
      .catch((error: unknown) => reportUncaught(error, callId))
      .finally(() => hostSync("wait.end"));
  }

  /** Workers has it; there is no origin to pass through to. */
  passThroughOnException(): void {}
}

function toResponse(value: unknown): Response {
  if (value instanceof Response) return value;
  if (typeof value === "string") return typed(value, undefined, TEXT_LINES);
  throw new TypeError(`The handler returned ${nameOf(value)}; it must return a Response or a string`);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

function failCall(callId: number, request: Request, error: unknown): void {
  endRequest(request);
  const { message, stack } = describe(error);
  hostSync("call.failed", callId, message, stack);
}

function reportUncaught(error: unknown, callId = current.callId): void {
  const { message, stack } = describe(error);
  hostSync("log", "error", `Uncaught ${stack === "" ? message : stack}`, callId);
}
