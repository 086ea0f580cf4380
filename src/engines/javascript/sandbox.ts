/**
 * Sandbox: one isolate that answers the calls of one function. Keeps its
 * realms (one for `shared`, one per call for fresh state), decides what each
 * end of a call means, and ends as a whole when a limit is passed. How turns
 * run is the turn runner's, what the guest says is the realm's.
 */

import type ivm from "isolated-vm";
import type { LogLevel } from "../../telemetry/log-record.ts";
import type { Call, CallFailure, EngineSource, Sandbox } from "../engine.ts";
import { SandboxError } from "../engine.ts";
import { CallDeadlines } from "./call-deadlines.ts";
import { bootContext, guestBody } from "./crossing.ts";
import type { LaneHistory } from "./lane.ts";
import type { OpContext } from "./ops/op.ts";
import { Realm, type RealmHost } from "./realm.ts";
import type { SpareIsolates } from "./spare-isolates.ts";
import { type Entry, isInTurn, type TurnObserver, type TurnOwner, TurnRunner } from "./turn-runner.ts";
import type { Watchdog } from "./watchdog.ts";

const MIB = 1024 * 1024;
/** Bodies up to this length are collected before the call; longer ones stream. */
const COLLECTED_BODY_MAX_BYTES = 256 * 1024;
/** V8 refuses a smaller heap. */
const HEAP_MIN_MIB = 8;

/** What sandboxes of one worker share. */
export interface SandboxHost {
  readonly watchdog: Watchdog;
  readonly isolates: SpareIsolates;
  readonly scheme: "http" | "https";
  readonly turns: TurnObserver;
  /** A record of a guest that belongs to no open call: module load, timers, waitUntil. */
  onGuestLog(functionId: string, level: LogLevel, message: string): void;
  /** A turn of this function can't be stopped: only the end of this process ends it. */
  onRunaway(functionId: string): void;
}

/** The function's code, compiled per isolate. */
export interface SandboxCode {
  readonly source: EngineSource;
  readonly text: string;
  readonly cachedData: ivm.ExternalCopy<ArrayBuffer> | null;
  readonly lanes: LaneHistory;
  /** Given V8's code cache when there was none to use. */
  keepCodeCache(data: ivm.ExternalCopy<ArrayBuffer>): void;
}

const NO_OPTIONS: ivm.ReferenceApplyOptions = {};
const TAKE: unknown[] = [false];

export class JavaScriptSandbox implements Sandbox, RealmHost, TurnOwner {
  readonly opContext: OpContext;
  readonly #code: SandboxCode;
  readonly #host: SandboxHost;
  readonly #isolate: ivm.Isolate;
  /** Came with the isolate; the first realm takes it. */
  #context: ivm.Context | null;
  readonly #turns: TurnRunner;
  readonly #deadlines: CallDeadlines<Realm | null>;
  readonly #bootJson: string;
  readonly #abort = new AbortController();
  readonly #realms = new Set<Realm>();
  /** Calls whose body is still arriving, or whose realm is being made. */
  readonly #entering = new Map<number, Call>();
  /** Realms whose module is still loading, and who waits for each. */
  readonly #loading = new Map<Realm, (failure: CallFailure | null) => void>();
  /** Calls of the loop lane whose answer was not returned: `take` comes next. */
  readonly #dispatched: { readonly realm: Realm; readonly callId: number; readonly call: Call }[] = [];
  /** Turns in which modules load: their ids are negative. */
  readonly #loadIds = new Map<number, Realm>();
  /** The one realm of `shared`; null while every call gets its own. */
  #shared: Realm | null = null;
  #script: ivm.Script | null = null;
  #callCount = 0;
  #retired = false;
  #heapUsedBytes = 0;
  #death: CallFailure | null = null;

  constructor(code: SandboxCode, host: SandboxHost) {
    this.#code = code;
    this.#host = host;
    const { source } = code;
    this.#bootJson = JSON.stringify({ scheme: host.scheme, env: source.env });
    const opened = host.isolates.take(source.functionId, Math.max(HEAP_MIN_MIB, Math.floor(source.memoryMaxBytes / MIB)));
    this.#isolate = opened.isolate;
    this.#context = opened.context;
    this.#turns = new TurnRunner(this.#isolate, code.lanes, source, host.watchdog, host.turns, this);
    this.#deadlines = new CallDeadlines<Realm | null>(
      source.timeoutMs,
      (callId, realm) => !(realm?.calls ?? this.#entering).has(callId),
      (callId, realm) => this.#expired(callId, realm),
    );
    this.opContext = {
      functionId: source.functionId,
      allow: source.allow,
      signal: this.#abort.signal,
      state: new Map(),
      log: (level, message, callId) => this.#log(level, message, callId),
      traceparent: (callId) => this.#callOf(callId)?.traceparent() ?? null,
    };
  }

  /** Compiles, and for `shared` runs the module. Rejects with SandboxError when that fails or exceeds a limit. */
  async load(): Promise<void> {
    const { text, cachedData, source } = this.#code;
    const filename = `pilotlight:${source.functionId}`;
    try {
      const cache = cachedData === null ? { produceCachedData: true as const } : { cachedData };
      const script = await this.#isolate.compileScript(text, { filename, ...cache });
      this.#script = script;
      const { cachedData: produced } = script as { cachedData?: ivm.ExternalCopy<ArrayBuffer> };
      if (produced !== undefined) this.#code.keepCodeCache(produced);
      if (!source.freshState) this.#shared = await this.#openRealm();
    } catch (error) {
      const failure = this.#death ?? failureOf(error);
      this.#die(failure);
      throw new SandboxError(failure);
    }
  }

  get busyCount(): number {
    let count = this.#entering.size;
    for (const realm of this.#realms) count += realm.busyCount;
    return count;
  }

  get waitMaxMs(): number {
    return this.#code.source.timeoutMs;
  }

  get closed(): boolean {
    return this.#death !== null || this.#isolate.isDisposed;
  }

  invoke(call: Call): void {
    const { body } = call.exchange;
    const callId = ++this.#callCount;
    if (this.#death !== null) call.fail({ code: "SANDBOX_CLOSED", message: this.#death.message });
    else if (body.complete && this.#shared !== null) this.#dispatch(this.#shared, callId, call, guestBody(body.whole));
    else void this.#prepare(callId, call);
  }

  /** What a call may have to wait for before it enters: its body, and a realm of its own. Counts as open meanwhile. */
  async #prepare(callId: number, call: Call): Promise<void> {
    const { body } = call.exchange;
    this.#entering.set(callId, call);
    this.#deadlines.add(callId, null);
    let source: unknown = true;
    try {
      if (body.complete) source = guestBody(body.whole);
      else if (body.length !== null && body.length <= COLLECTED_BODY_MAX_BYTES) source = guestBody(await body.readAll());
    } catch (error) {
      this.#giveUp(callId, call, { code: "BODY_FAILED", message: (error as Error).message });
      return;
    }
    try {
      const realm = this.#shared ?? (await this.#openRealm());
      if (!this.#entering.has(callId) || call.exchange.aborted) {
        realm.spent = true;
        this.#giveUp(callId, call, null);
        this.idle(realm);
        return;
      }
      // Dispatched before it stops counting as entering: a retired sandbox must not close in between.
      this.#dispatch(realm, callId, call, source);
      this.#entering.delete(callId);
    } catch (error) {
      // The memory limit may strike while a context is made, outside any turn.
      if (this.#isolate.isDisposed) this.outgrew();
      this.#giveUp(callId, call, this.#death ?? failureOf(error));
    }
  }

  /** The call does not enter: it failed, or (null) was given up already. */
  #giveUp(callId: number, call: Call, failure: CallFailure | null): void {
    if (!this.#entering.delete(callId)) return;
    this.#deadlines.delete(callId);
    if (failure !== null && !call.exchange.aborted) call.fail(failure);
    if (this.#retired && this.busyCount === 0) this.close();
  }

  /** Hot path: in the loop lane one entry, and the answer is its value. */
  #dispatch(realm: Realm, callId: number, call: Call, body: unknown): void {
    const { exchange, params } = call;
    realm.calls.set(callId, call);
    realm.spent = true;
    const onLoop = !isInTurn() && this.#turns.inLoopLane();
    const paramsJson = params === null ? undefined : JSON.stringify(params);
    const args = [callId, exchange.method, exchange.target, exchange.headerBlock, body, paramsJson, onLoop];
    if (onLoop) {
      const packed = this.#turns.runOnLoop(callId, realm.dispatch, args, NO_OPTIONS, realm.take);
      if (packed !== undefined) this.#turnEnded(realm, callId, call, packed);
      else if (realm.calls.has(callId)) this.#takeSoon(realm, callId, call);
      return;
    }
    this.#await(realm, callId, call);
    this.#turns.run({
      callId,
      entry: realm.dispatch,
      args,
      options: NO_OPTIONS,
      ended: (packed) => this.#turnEnded(realm, callId, call, packed),
    });
  }

  /** After the poll phase: by then every call that arrived with this one is dispatched, and one entry fetches all answers. */
  #takeSoon(realm: Realm, callId: number, call: Call): void {
    this.#dispatched.push({ realm, callId, call });
    if (this.#dispatched.length === 1) setImmediate(() => this.#takeAll());
  }

  #takeAll(): void {
    const dispatched = this.#dispatched.splice(0);
    for (const realm of new Set(dispatched.map((one) => one.realm))) {
      if (!this.#realms.has(realm)) continue;
      this.#turns.run({ callId: 0, entry: realm.take, args: TAKE, options: NO_OPTIONS, ended: (packed) => realm.answerSettled(packed) });
    }
    for (const { realm, callId, call } of dispatched) {
      if (!realm.calls.has(callId)) continue;
      if (call.exchange.aborted) realm.drop(callId);
      else this.#await(realm, callId, call);
    }
  }

  #turnEnded(realm: Realm, callId: number, call: Call, packed: unknown): void {
    if (packed === undefined) {
      if (realm.calls.has(callId)) this.#await(realm, callId, call);
      return;
    }
    if (!realm.calls.delete(callId)) return;
    call.exchange.onAbort = null;
    try {
      realm.answerPacked(call, packed);
    } catch (error) {
      call.fail({ code: "INVALID_ANSWER", ...describe(error) });
    }
    if (realm !== this.#shared || this.#retired) this.idle(realm);
  }

  /** The call goes on after this turn: it has a deadline, and is told when its client leaves. */
  #await(realm: Realm, callId: number, call: Call): void {
    // An answer that streams already has no deadline any more.
    const isNew = call.exchange.answered ? call.exchange.onAbort === null : this.#deadlines.own(callId, realm);
    if (isNew) call.exchange.onAbort = () => realm.drop(callId);
  }

  #expired(callId: number, realm: Realm | null): void {
    // Its own turn is what keeps it: then the CPU limit is the reason to give.
    if (this.#turns.runningCallId === callId) this.#turns.checkPool();
    const call = (realm?.calls ?? this.#entering).get(callId);
    if (call === undefined) return;
    const { functionId, timeoutMs } = this.#code.source;
    const failure: CallFailure = { code: "CALL_TIMEOUT", message: `${functionId} did not finish within ${timeoutMs} ms` };
    if (realm === null) {
      this.#giveUp(callId, call, failure);
      return;
    }
    realm.drop(callId);
    call.fail(failure);
  }

  /** Its answer has begun: a stream may last; the listener's idle limit guards it from here. */
  streaming(callId: number): void {
    this.#deadlines.delete(callId);
  }

  retire(): void {
    this.#retired = true;
    if (this.busyCount === 0) this.close();
  }

  /** A realm has nothing open: it may be what a retired sandbox or a finished call waited for. */
  idle(realm: Realm): void {
    if (realm === this.#shared && !this.#retired) return;
    // Nothing may be freed by its own callback: not before the turn has ended.
    if (isInTurn()) queueMicrotask(() => this.#free(realm));
    else this.#free(realm);
  }

  #free(realm: Realm): void {
    if (!realm.spent || realm.busyCount > 0 || this.#death !== null) return;
    if (realm !== this.#shared && this.#realms.delete(realm)) {
      realm.close();
      realm.release();
    }
    // With a turn still in the pool, poolLeft() comes back to it.
    if (this.#retired && this.busyCount === 0 && !this.#turns.poolBusy) this.close();
  }

  poolLeft(): void {
    for (const realm of this.#realms) if (realm !== this.#shared) this.#free(realm);
    if (this.#retired && this.busyCount === 0) this.close();
  }

  close(): void {
    this.#die({ code: "SANDBOX_CLOSED", message: `The sandbox of ${this.#code.source.functionId} was closed` });
  }

  heapUsedBytes(): number {
    if (this.closed) return 0;
    // Statistics need the isolate's lock: never wait for a turn in the pool.
    if (!this.#turns.poolBusy && !isInTurn()) {
      const heap = this.#isolate.getHeapStatisticsSync();
      this.#heapUsedBytes = heap.total_physical_size + heap.externally_allocated_size + heap.malloced_memory;
    }
    return this.#heapUsedBytes;
  }

  /** A fresh context with the module run in it. Rejects with SandboxError. */
  async #openRealm(): Promise<Realm> {
    const script = this.#script as ivm.Script;
    const ready = this.#context;
    this.#context = null;
    const context = ready ?? (this.#turns.inLoopLane() ? this.#isolate.createContextSync() : await this.#isolate.createContext());
    const realm = new Realm(this, (...callbacks) => bootContext(context, callbacks, this.#bootJson));
    this.#realms.add(realm);
    const { functionId, timeoutMs } = this.#code.source;
    const loaded = new Promise<CallFailure | null>((resolve) => this.#loading.set(realm, resolve));
    const timer = setTimeout(() => {
      this.#settleLoading(realm, {
        code: "LOAD_FAILED",
        message: `The module of ${functionId} did not finish loading within ${timeoutMs} ms`,
      });
    }, timeoutMs);
    const loadId = -++this.#callCount;
    this.#loadIds.set(loadId, realm);
    this.enter(loadId, { applySync: () => script.runSync(context), apply: () => script.run(context) }, [], NO_OPTIONS);
    const failure = await loaded;
    clearTimeout(timer);
    this.#loadIds.delete(loadId);
    if (failure === null) return realm;
    realm.spent = true;
    this.idle(realm);
    throw new SandboxError(failure);
  }

  loaded(realm: Realm, failure: { message: string; stack: string } | null): void {
    this.#settleLoading(realm, failure === null ? null : { code: "LOAD_FAILED", ...failure });
  }

  #settleLoading(realm: Realm, failure: CallFailure | null): void {
    this.#loading.get(realm)?.(failure);
    this.#loading.delete(realm);
  }

  enter(callId: number, entry: Entry, args: unknown[], options: ivm.ReferenceApplyOptions): void {
    this.#turns.run({ callId, entry, args, options, ended: null });
  }

  overran(callId: number, message: string): void {
    this.#die({ code: "CPU_LIMIT_EXCEEDED", message }, callId);
  }

  outgrew(): void {
    const { functionId, memoryMaxBytes } = this.#code.source;
    this.#die({
      code: "MEMORY_LIMIT_EXCEEDED",
      message: `${functionId} passed its memory limit of ${Math.round(memoryMaxBytes / MIB)} MiB`,
    });
  }

  ranAway(): void {
    this.#host.onRunaway(this.#code.source.functionId);
  }

  threw(callId: number, error: unknown): void {
    if (this.#isolate.isDisposed) {
      this.outgrew();
      return;
    }
    const { message, stack } = describe(error);
    const loading = this.#loadIds.get(callId);
    if (loading !== undefined) {
      this.#settleLoading(loading, { code: "LOAD_FAILED", message, stack });
      return;
    }
    // Whatever the guest's own dispatch can catch, it has reported. This is a rejection without
    // a handler: logged as elsewhere, and the call goes on.
    this.#log("error", `Uncaught (in promise) ${stack === "" ? message : stack}`, callId);
  }

  /** Ends the sandbox, once. The call whose turn ran gets the failure itself; the others were only its neighbours. */
  #die(failure: CallFailure, culprit = this.#turns.runningCallId): void {
    if (this.#death !== null) return;
    this.#death = failure;
    this.#turns.close();
    this.#deadlines.close();
    this.#abort.abort();
    if (!this.#isolate.isDisposed) this.#isolate.dispose();
    for (const realm of [...this.#loading.keys()]) this.#settleLoading(realm, failure);
    const lost: CallFailure = { code: "SANDBOX_LOST", message: `The sandbox of ${this.#code.source.functionId} ended: ${failure.message}` };
    let toldCount = 0;
    for (const realm of this.#realms) {
      for (const [callId, call] of realm.close()) {
        toldCount++;
        call.fail(callId === culprit || culprit <= 0 ? failure : lost);
      }
    }
    // What a function does after its answer must not end without a word.
    if (toldCount === 0 && failure.code !== "SANDBOX_CLOSED") this.#host.onGuestLog(this.#code.source.functionId, "error", failure.message);
    const entering = [...this.#entering.values()];
    this.#entering.clear();
    for (const call of entering) call.fail(lost);
  }

  #callOf(callId: number): Call | undefined {
    for (const realm of this.#realms) {
      const call = realm.calls.get(callId);
      if (call !== undefined) return call;
    }
    return undefined;
  }

  #log(level: LogLevel, message: string, callId: number): void {
    const call = this.#callOf(callId);
    if (call === undefined) this.#host.onGuestLog(this.#code.source.functionId, level, message);
    else call.log(level, message);
  }
}

function failureOf(error: unknown): CallFailure {
  return error instanceof SandboxError ? error.failure : { code: "LOAD_FAILED", ...describe(error) };
}

function describe(error: unknown): { message: string; stack: string } {
  if (!(error instanceof Error)) return { message: `Thrown: ${String(error)}`, stack: "" };
  const stack = error.stack ?? "";
  const boundary = stack.indexOf("\n    at (<isolated-vm boundary>)");
  return { message: `${error.name}: ${error.message}`, stack: boundary === -1 ? stack : stack.slice(0, boundary) };
}
