/**
 * Sandbox: one isolate that answers the calls of one function. Keeps its
 * realms (one for `shared`, one per call for fresh state), decides what each
 * end of a call means, and ends as a whole when a limit is passed. How turns
 * run is the turn runner's, how realms are made is in realms.ts, what the
 * guest says in realm.ts.
 */

import type ivm from "isolated-vm";
import type { OpenCapabilityHost } from "../../host/capabilities.ts";
import type { LogLevel } from "../../telemetry/log-record.ts";
import type { Call, CallFailure, Sandbox, TurnObserver } from "../engine.ts";
import { SandboxError } from "../engine.ts";
import { CallDeadlines } from "../isolate/call-deadlines.ts";
import { IsolateMemory, outgrownFailure } from "../isolate/isolate-memory.ts";
import type { LaneHistory } from "../isolate/lane.ts";
import type { SpareIsolates } from "../isolate/spare-isolates.ts";
import { describeThrown, loadFailureOf } from "../isolate/thrown.ts";
import { type Entry, isInTurn, type TurnOwner, TurnRunner } from "../isolate/turn-runner.ts";
import type { Watchdog } from "../isolate/watchdog.ts";
import { guestBody } from "./crossing.ts";
import { EnteringCalls, type EnteringHost } from "./entering-calls.ts";
import type { OpContext } from "./ops/op.ts";
import type { Realm, RealmHost } from "./realm.ts";
import { type ModuleCode, Realms } from "./realms.ts";

const MIB = 1024 * 1024;
/** V8 refuses a smaller heap. */
const HEAP_MIN_MIB = 8;

/** What sandboxes of one worker share. */
export interface SandboxHost {
  readonly watchdog: Watchdog;
  readonly isolates: SpareIsolates;
  readonly scheme: "http" | "https";
  readonly turns: TurnObserver;
  /** Null where functions are only compiled or measured. */
  readonly capabilities: OpenCapabilityHost | null;
  /** A record of a guest that belongs to no open call: module load, timers, waitUntil. */
  onGuestLog(functionId: string, level: LogLevel, message: string): void;
  /** A turn of this function can't be stopped: only the end of this process ends it. */
  onRunaway(functionId: string): void;
}

export interface SandboxCode extends ModuleCode {
  readonly lanes: LaneHistory;
}

const NO_OPTIONS: ivm.ReferenceApplyOptions = {};
const TAKE: unknown[] = [false];

export class JavaScriptSandbox implements Sandbox, RealmHost, TurnOwner, EnteringHost {
  readonly opContext: OpContext;
  readonly #code: SandboxCode;
  readonly #host: SandboxHost;
  readonly #isolate: ivm.Isolate;
  readonly #turns: TurnRunner;
  readonly #memory: IsolateMemory;
  readonly #realms: Realms;
  readonly #deadlines: CallDeadlines;
  readonly #entering: EnteringCalls;
  readonly #abort = new AbortController();
  /** Calls of the loop lane whose answer was not returned: `take` comes next. */
  readonly #dispatched: { readonly realm: Realm; readonly callId: number; readonly call: Call }[] = [];
  /** The one realm of `shared`; null while every call gets its own. */
  #shared: Realm | null = null;
  #callCount = 0;
  #retired = false;
  #death: CallFailure | null = null;
  #isLoading = true;

  constructor(code: SandboxCode, host: SandboxHost) {
    this.#code = code;
    this.#host = host;
    const { source } = code;
    const opened = host.isolates.take(source.functionId, Math.max(HEAP_MIN_MIB, Math.floor(source.memoryMaxBytes / MIB)));
    this.#isolate = opened.isolate;
    this.#turns = new TurnRunner(this.#isolate, code.lanes, source, host.watchdog, host.turns, this);
    this.#memory = new IsolateMemory(this.#isolate, this.#turns);
    this.#realms = new Realms(code, host.scheme, opened, this.#turns, this);
    // Where its own turn is what keeps a call, the CPU limit is the reason to give.
    this.#deadlines = new CallDeadlines(source, (callId) => {
      if (this.#turns.runningCallId === callId) this.#turns.checkPool();
    });
    this.#entering = new EnteringCalls(this, this.#deadlines);
    this.opContext = {
      functionId: source.functionId,
      allow: source.allow,
      signal: this.#abort.signal,
      state: new Map(),
      capabilities: async () => (await host.capabilities?.())?.hostFor(source.functionId, source.allow) ?? null,
      log: (level, message, callId) => this.#log(level, message, callId),
      traceparent: (callId) => this.#realms.callOf(callId)?.traceparent() ?? null,
    };
  }

  /** Compiles, and for `shared` runs the module. Rejects with SandboxError when that fails or exceeds a limit. */
  async load(): Promise<void> {
    try {
      await this.#realms.compile();
      if (!this.#code.source.freshState) this.#shared = await this.#realms.make();
    } catch (error) {
      const failure = this.#death ?? loadFailureOf(error);
      this.#die(failure);
      throw new SandboxError(failure);
    } finally {
      this.#isLoading = false;
    }
  }

  get busyCount(): number {
    return this.#entering.calls.size + this.#realms.busyCount;
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
    else if (body.complete && this.#shared !== null) this.dispatch(this.#shared, callId, call, guestBody(body.whole));
    else void this.#entering.enter(callId, call);
  }

  realmForCall(): Promise<Realm> {
    return this.#shared === null ? this.#realms.make() : Promise.resolve(this.#shared);
  }

  realmFailed(error: unknown): CallFailure {
    // The memory limit may strike while a context is made, outside any turn.
    if (this.#isolate.isDisposed) this.outgrew(this.#turns.runningCallId);
    return this.#death ?? loadFailureOf(error);
  }

  unused(realm: Realm): void {
    realm.spent = true;
    this.idle(realm);
  }

  left(): void {
    if (this.#retired && this.busyCount === 0) this.close();
  }

  /** Hot path: in the loop lane one entry, and the answer is its value. */
  dispatch(realm: Realm, callId: number, call: Call, body: unknown): void {
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
      if (!this.#realms.open.has(realm)) continue;
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
      call.fail({ code: "INVALID_ANSWER", ...describeThrown(error) });
    }
    if (realm !== this.#shared || this.#retired) this.idle(realm);
  }

  /** The call goes on after this turn: it has a deadline, and is told when its client leaves. */
  #await(realm: Realm, callId: number, call: Call): void {
    // An answer that streams already has no deadline any more.
    const isNew = call.exchange.answered ? call.exchange.onAbort === null : this.#deadlines.own(callId, realm);
    if (isNew) call.exchange.onAbort = (mayWait = false) => realm.clientLeft(callId, mayWait);
  }

  /** Its answer has begun: a stream may last; the listener's idle limit guards it from here. */
  streaming(callId: number): void {
    this.#deadlines.delete(callId);
  }

  retire(): void {
    this.#retired = true;
    this.left();
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
    if (realm !== this.#shared && this.#realms.open.delete(realm)) {
      realm.close();
      realm.release();
    }
    // With a turn still in the pool, poolLeft() comes back to it.
    if (this.#retired && this.busyCount === 0 && !this.#turns.poolBusy) this.close();
  }

  poolLeft(): void {
    for (const realm of this.#realms.open) if (realm !== this.#shared) this.#free(realm);
    this.left();
  }

  close(): void {
    this.#die({ code: "SANDBOX_CLOSED", message: `The sandbox of ${this.#code.source.functionId} was closed` });
  }

  heapUsedBytes(): number {
    return this.closed ? 0 : this.#memory.usedBytes();
  }

  loaded(realm: Realm, failure: { message: string; stack: string } | null): void {
    this.#realms.loaded(realm, failure === null ? null : { code: "LOAD_FAILED", ...failure });
  }

  enter(callId: number, entry: Entry, args: unknown[], options: ivm.ReferenceApplyOptions): void {
    this.#turns.run({ callId, entry, args, options, ended: null });
  }

  overran(callId: number, message: string): void {
    this.#die({ code: "CPU_LIMIT_EXCEEDED", message }, callId);
  }

  outgrew(callId: number): void {
    this.#die(outgrownFailure(this.#code.source), callId);
  }

  ranAway(): void {
    this.#host.onRunaway(this.#code.source.functionId);
  }

  threw(callId: number, error: unknown): void {
    if (this.#isolate.isDisposed) {
      this.outgrew(callId);
      return;
    }
    const thrown = describeThrown(error);
    if (this.#realms.loadThrew(callId, thrown)) return;
    // Whatever the guest's own dispatch can catch, it has reported. This is a rejection without
    // a handler: logged as elsewhere, and the call goes on.
    this.#log("error", `Uncaught (in promise) ${thrown.stack === "" ? thrown.message : thrown.stack}`, callId);
  }

  /** Ends the sandbox, once. The call whose turn ran gets the failure itself; the others were only its neighbours. */
  #die(failure: CallFailure, culprit = this.#turns.runningCallId): void {
    if (this.#death !== null) return;
    this.#death = failure;
    this.#turns.close();
    this.#deadlines.close();
    this.#abort.abort();
    if (!this.#isolate.isDisposed) this.#isolate.dispose();
    this.#realms.fail(failure);
    const lost: CallFailure = { code: "SANDBOX_LOST", message: `The sandbox of ${this.#code.source.functionId} ended: ${failure.message}` };
    let toldCount = 0;
    for (const realm of this.#realms.open) {
      for (const [callId, call] of realm.close()) {
        toldCount++;
        call.fail(callId === culprit || culprit <= 0 ? failure : lost);
      }
    }
    // What a function does after its answer must not end without a word.
    const isSilent = toldCount === 0 && failure.code !== "SANDBOX_CLOSED";
    // Whoever loads it is told by load() itself.
    if (isSilent && !this.#isLoading) this.#host.onGuestLog(this.#code.source.functionId, "error", failure.message);
    for (const call of this.#entering.close()) call.fail(lost);
  }

  #log(level: LogLevel, message: string, callId: number): void {
    const call = this.#realms.callOf(callId);
    if (call === undefined) this.#host.onGuestLog(this.#code.source.functionId, level, message);
    else call.log(level, message);
  }
}
