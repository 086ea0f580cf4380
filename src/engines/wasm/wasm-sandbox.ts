/**
 * Wasm sandbox: one isolate with one module, which answers the calls of one
 * function, each from fresh state. Guest code runs to its end within a turn, so
 * calls enter one after another; those that find it busy wait in line. Decides
 * what each end of a run means; how turns run is the turn runner's, what the
 * guest sees is the shim's (guest/wasi/).
 */
import type ivm from "isolated-vm";
import { ENDED, type StartMode } from "../../../guest/wasi/channel.ts";
import { MIB } from "../../base/units.ts";
import type { LogLevel } from "../../telemetry/log-record.ts";
import { isFailure } from "../contracts/answer.ts";
import type { Call, CallFailure, Sandbox } from "../engine.ts";
import { SandboxError } from "../engine.ts";
import { CallDeadlines, type CallHolder } from "../isolate/call-deadlines.ts";
import { IsolateMemory, outgrownFailure } from "../isolate/isolate-memory.ts";
import type { OpenIsolate } from "../isolate/spare-isolates.ts";
import { describeThrown } from "../isolate/thrown.ts";
import { isInTurn, type TurnOwner, TurnRunner } from "../isolate/turn-runner.ts";
import { HostFiles } from "./files/host-files.ts";
import { HostLog } from "./host-log.ts";
import type { SandboxRecorder } from "./recording/recorder.ts";
import { requestEnviron, requestSettings } from "./request-realm.ts";
import { endFailure, isolateMib, sharedStartFailure, trapFailure } from "./run-end.ts";
import { RunRequests } from "./run-requests.ts";
import { SuspendableRuns } from "./suspendable-runs.ts";
import { trapSummary } from "./trap-text.ts";
import { UnfinishedStderr } from "./unfinished-stderr.ts";
import type { WasmCode, WasmSandboxHost } from "./wasm-code.ts";
import { type RealmInput, WasmRealm } from "./wasm-realm.ts";

const OPEN_FILES_MAX = 1_000;
const LOAD_CALL_ID = -1;
/** Of what a guest fetches, where its own limit is not lower. */
const ANSWER_MAX_BYTES = 16 * MIB;
const NO_OPTIONS: ivm.ReferenceApplyOptions = {};
const NO_ARGS: unknown[] = [];

interface Pending {
  readonly callId: number;
  readonly call: Call;
  readonly body: Uint8Array | null;
}

export class WasmSandbox implements Sandbox, TurnOwner, CallHolder {
  /** Every call that has no answer yet. */
  readonly calls = new Map<number, Call>();
  readonly #code: WasmCode;
  readonly #mode: StartMode;
  readonly #host: WasmSandboxHost;
  readonly #opened: OpenIsolate;
  readonly #turns: TurnRunner;
  readonly #memory: IsolateMemory;
  readonly #deadlines: CallDeadlines;
  readonly #line: Pending[] = [];
  #realm: WasmRealm | null = null;
  /** Its turn runs. */
  #running: Pending | null = null;
  readonly #suspendable: SuspendableRuns;
  readonly #stderr = new UnfinishedStderr();
  readonly #hostLog = new HostLog();
  readonly #environOf: ReturnType<typeof requestEnviron>;
  readonly #recorder: SandboxRecorder | null;
  #callCount = 0;
  #retired = false;
  #death: CallFailure | null = null;
  #loading: { resolve(): void; reject(error: SandboxError): void } | null = null;

  constructor(code: WasmCode, mode: StartMode, host: WasmSandboxHost) {
    this.#code = code;
    this.#mode = mode;
    this.#host = host;
    this.#opened = host.isolates.take(code.functionId, isolateMib(code));
    this.#turns = new TurnRunner(this.#opened.isolate, code.lanes, code, host.watchdog, host.turns, this);
    this.#memory = new IsolateMemory(this.#opened.isolate, this.#turns);
    this.#environOf = requestEnviron(code);
    this.#recorder = code.recorder?.open(mode) ?? null;
    this.#suspendable = new SuspendableRuns({
      memoryMaxBytes: code.memoryMaxBytes,
      turns: this.#turns,
      realm: () => this.#realm!,
      requestsOf: (runId) => this.#requestsOf(runId),
      onAnswered: (runId, answer) => this.#recorder?.answered(runId, answer.code, answer.bytes, answer.number),
      onInternalError: (message) => this.#logInternal(message),
    });
    this.#deadlines = new CallDeadlines(code, (callId) => {
      if (this.#turns.runningCallId === callId) this.#turns.checkPool();
    });
  }

  /** Connects the module and brings it to where requests begin. Rejects with SandboxError. */
  async load(): Promise<void> {
    await this.#connect();
    if (this.#mode !== "instance") await this.#prepare();
  }

  /** Makes an instance once, to see whether any can be made where every request gets its own. Rejects with SandboxError. */
  async tryStart(): Promise<void> {
    await this.#connect();
    await this.#prepare();
  }

  async #connect(): Promise<void> {
    const { isolate, context } = this.#opened;
    const { module, folders } = this.#code;
    this.#realm = new WasmRealm(context ?? (await isolate.createContext()), module, requestSettings(this.#code, this.#mode), {
      files: folders.length === 0 ? null : (window) => new HostFiles({ folders, openMaxCount: OPEN_FILES_MAX, window }),
      tap: (serve, window) => {
        const tapped = this.#recorder?.tap(serve, window, () => this.#turns.runningCallId) ?? serve;
        return this.#turns.charged(tapped);
      },
      streams: null,
      log: (level, text) => this.#logHost(level >= 3 ? "error" : "info", text),
      ask: (ticket, runId, operation, ...args) => {
        if (this.calls.has(runId)) this.#stderr.waits(runId, this.#realm!);
        this.#recorder?.asked(runId, operation, args);
        void this.#suspendable.serve(ticket, runId, operation, args);
      },
      ended: (runId, ended, apart) => this.#runEnded(runId, ended, apart),
      onInternalError: (error) => this.#logInternal(`internal error in a host call: ${describeThrown(error).stack}`),
    });
  }

  async #prepare(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#loading = { resolve, reject };
    this.#turns.run({
      callId: LOAD_CALL_ID,
      entry: this.#realm!.prepare,
      args: NO_ARGS,
      options: NO_OPTIONS,
      ended: (noted) => {
        if (noted !== undefined) this.#loaded(sharedStartFailure(noted as number, this.#code));
      },
    });
    await promise;
  }

  #loaded(failure: CallFailure | null): void {
    const loading = this.#loading;
    this.#loading = null;
    if (failure === null) loading?.resolve();
    else loading?.reject(new SandboxError(failure));
  }

  get busyCount(): number {
    return this.calls.size;
  }

  get closed(): boolean {
    return this.#death !== null || this.#opened.isolate.isDisposed;
  }

  invoke(call: Call): void {
    const callId = ++this.#callCount;
    const { body } = call.exchange;
    if (this.#death !== null) {
      call.fail({ code: "SANDBOX_CLOSED", message: this.#death.message });
      return;
    }
    this.calls.set(callId, call);
    if (body.complete) this.#enter({ callId, call, body: body.whole });
    else void this.#collect(callId, call);
  }

  async #collect(callId: number, call: Call): Promise<void> {
    this.#deadlines.add(callId, this);
    try {
      const body = await call.exchange.body.readAll();
      if (call.exchange.aborted) this.drop(callId);
      else if (this.calls.has(callId)) this.#enter({ callId, call, body });
    } catch (error) {
      this.#fail(callId, call, { code: "BODY_FAILED", message: (error as Error).message });
    }
  }

  #enter(pending: Pending): void {
    if (this.#running === null && !isInTurn() && this.#suspendable.hasRoom) {
      this.#start(pending);
      return;
    }
    this.#deadlines.own(pending.callId, this);
    this.#line.push(pending);
    if (this.#running === null) queueMicrotask(() => this.#next());
  }

  #next(): void {
    while (this.#running === null && this.#death === null && this.#suspendable.hasRoom) {
      const pending = this.#line.shift();
      if (pending === undefined) return;
      if (pending.call.exchange.aborted) this.drop(pending.callId);
      else if (this.calls.has(pending.callId)) this.#start(pending);
    }
  }

  /** Hot path. */
  #start(pending: Pending): void {
    const { callId, call, body } = pending;
    const realm = this.#realm!;
    const { contract } = this.#code;
    const { exchange } = call;
    const args = realm.input(this.#environOf(exchange, body), contract.input(exchange, body));
    this.#running = pending;
    if (this.#recorder !== null) this.#recorder.begin(callId, call, body, this.#code.waits);
    if (this.#code.waits) {
      this.#startSuspendable(pending, args);
      return;
    }
    if (this.#turns.inLoopLane()) {
      this.#ended(pending, this.#turns.runOnLoop(callId, realm.run, args, NO_OPTIONS));
      return;
    }
    this.#deadlines.own(callId, this);
    this.#turns.run({
      callId,
      entry: realm.run,
      args,
      options: NO_OPTIONS,
      ended: (value) => {
        this.#ended(pending, value);
        this.#next();
      },
    });
  }

  #startSuspendable({ callId, call }: Pending, input: RealmInput): void {
    this.#deadlines.own(callId, this);
    // Whoever has ended only its own side may wait for the answer.
    call.exchange.onAbort = (mayWait = false) => {
      if (!mayWait) this.drop(callId);
    };
    this.#suspendable.begin(callId, input, () => {
      this.#running = null;
      this.#next();
    });
  }

  #requestsOf(runId: number): RunRequests {
    const { functionId, allow, memoryMaxBytes } = this.#code;
    return new RunRequests({
      allow,
      answerMaxBytes: Math.min(ANSWER_MAX_BYTES, memoryMaxBytes),
      capabilities: async () => (await this.#host.capabilities()).hostFor(functionId, allow),
      onRefused: (message) => this.#logFor(runId, "warn", message),
    });
  }

  /** Called from within a turn: what the channel holds is read now, or never. */
  #runEnded(callId: number, ended: number, apart: ArrayBuffer | null): void {
    this.#suspendable.ended(callId);
    this.#stderr.forget(callId);
    const call = this.calls.get(callId);
    if (call === undefined) return;
    call.exchange.onAbort = null;
    this.#conclude(callId, call, ended, apart === null ? null : Buffer.from(apart));
    if (this.#line.length > 0) queueMicrotask(() => this.#next());
  }

  #ended(pending: Pending, value: unknown): void {
    this.#running = null;
    const { callId, call } = pending;
    // Undefined: the turn threw or was ended, which has been dealt with.
    if (value === undefined || !this.calls.has(callId)) return;
    if (value === ENDED.waiting) {
      // In an instance that can't. Nobody has seen anything of it yet: it is run again, from the start.
      this.#code.waits = true;
      this.#start(pending);
      return;
    }
    this.#conclude(callId, call, value as number, null);
  }

  #conclude(callId: number, call: Call, value: number, apart: Buffer | null): void {
    const realm = this.#realm!;
    const stderr = realm.stderr();
    this.#logStderr(callId, stderr);
    const failure = endFailure(value, realm, this.#code);
    const stdout = realm.stdout() ?? apart ?? (failure === null ? this.#largeOutput() : null);
    if (this.#recorder !== null) this.#recorder.ended(callId, { ended: value, exitCode: realm.exitCode, stdout, stderr, failure });
    if (failure !== null) this.#fail(callId, call, failure);
    else this.#answer(callId, call, stdout!);
  }

  #answer(callId: number, call: Call, stdout: Buffer): void {
    const answer = this.#code.contract.answer(stdout);
    if (isFailure(answer)) {
      this.#fail(callId, call, answer);
      return;
    }
    this.calls.delete(callId);
    try {
      call.exchange.respond(answer.status, answer.headerLines, answer.body);
    } catch (error) {
      call.fail({ code: "INVALID_ANSWER", message: `The function's answer can't be sent: ${(error as Error).message}` });
    }
    this.#left();
  }

  /** Between two turns: nobody else is in the isolate. */
  #largeOutput(): Buffer {
    return Buffer.from(this.#realm!.output.applySync(undefined, NO_ARGS, { result: { copy: true } }) as ArrayBuffer);
  }

  #fail(callId: number, call: Call, failure: CallFailure): void {
    if (!this.calls.delete(callId)) return;
    this.#deadlines.delete(callId);
    this.#recorder?.stopped(callId, failure);
    if (!call.exchange.aborted) call.fail(failure);
    this.#left();
  }

  #left(): void {
    if (this.#retired && this.busyCount === 0) this.close();
  }

  /** Given up by its deadline or its client. A guest that runs can't be left alone: it ends with its isolate. */
  drop(callId: number): void {
    const call = this.calls.get(callId);
    if (call === undefined) return;
    this.#logUnfinished(callId);
    this.calls.delete(callId);
    this.#deadlines.delete(callId);
    if (call.exchange.aborted) this.#recorder?.forget(callId);
    else this.#recorder?.stopped(callId, this.#outOfTime());
    if (!this.#abandon(callId) && this.#running?.callId === callId) this.#die(this.#outOfTime());
    this.#left();
  }

  /** False for a run that is not suspendable. */
  #abandon(callId: number): boolean {
    if (!this.#suspendable.has(callId)) return false;
    this.#suspendable.abandon(callId, () => this.#next());
    return true;
  }

  #outOfTime(): CallFailure {
    const { functionId, timeoutMs } = this.#code;
    return { code: "CALL_TIMEOUT", message: `${functionId} did not finish within ${timeoutMs} ms` };
  }

  retire(): void {
    this.#retired = true;
    this.#left();
  }

  close(): void {
    this.#die({ code: "SANDBOX_CLOSED", message: `The sandbox of ${this.#code.functionId} was closed` });
  }

  heapUsedBytes(): number {
    return this.closed ? 0 : this.#memory.usedBytes();
  }

  poolLeft(): void {
    this.#left();
  }

  threw(callId: number, error: unknown): void {
    if (this.#opened.isolate.isDisposed) {
      this.outgrew(callId);
      return;
    }
    const thrown = describeThrown(error);
    this.#logUnfinished(callId, callId);
    if (callId === LOAD_CALL_ID) {
      this.#loaded({ code: "LOAD_FAILED", message: trapSummary(thrown.stack || thrown.message), stack: thrown.stack });
      return;
    }
    this.#abandon(callId);
    const call = this.calls.get(callId);
    if (call !== undefined) this.#fail(callId, call, trapFailure(this.#code.functionId, thrown.stack || thrown.message));
  }

  overran(callId: number, message: string): void {
    this.#die({ code: "CPU_LIMIT_EXCEEDED", message }, callId);
  }

  outgrew(callId: number): void {
    this.#die(outgrownFailure(this.#code), callId);
  }

  ranAway(): void {
    this.#host.onRunaway(this.#code.functionId);
  }

  #die(failure: CallFailure, culprit = this.#turns.runningCallId): void {
    if (this.#death !== null) return;
    this.#death = failure;
    this.#turns.close();
    this.#deadlines.close();
    this.#suspendable.close();
    for (const callId of [LOAD_CALL_ID, ...this.calls.keys()]) this.#logUnfinished(callId, culprit);
    if (!this.#opened.isolate.isDisposed) this.#opened.isolate.dispose();
    this.#realm?.release(!this.#turns.poolBusy && !isInTurn());
    this.#loaded(failure);
    const lost: CallFailure = { code: "SANDBOX_LOST", message: `The sandbox of ${this.#code.functionId} ended: ${failure.message}` };
    if (failure.code === "SANDBOX_CLOSED") this.#recorder?.forget(culprit);
    else this.#recorder?.stopped(culprit, failure);
    const left = [...this.calls];
    this.calls.clear();
    this.#line.length = 0;
    for (const [callId, call] of left) call.fail(callId === culprit ? failure : failure.code === "SANDBOX_CLOSED" ? failure : lost);
  }

  /** Of a run that leaves nothing itself. */
  #logUnfinished(callId: number, runningCallId = this.#turns.runningCallId): void {
    this.#logStderr(callId, this.#stderr.take(callId, callId === runningCallId ? this.#realm : null));
  }

  #logStderr(callId: number, text: string): void {
    if (text !== "") for (const line of text.trimEnd().split("\n")) this.#logFor(callId, "info", line);
    const dropped = this.#hostLog.end(callId);
    if (dropped !== null) this.#logFor(callId, "warn", dropped);
  }

  #logHost(level: LogLevel, message: string): void {
    const callId = this.#turns.runningCallId;
    // One that was given up has had its last words: it may run until its CPU limit, and nobody would say when it is over.
    if (callId !== LOAD_CALL_ID && !this.calls.has(callId)) return;
    const text = this.#hostLog.take(callId, message);
    if (text !== null) this.#logFor(callId, level, text);
  }

  #logFor(callId: number, level: LogLevel, message: string): void {
    const call = this.calls.get(callId);
    if (call === undefined) this.#host.onGuestLog(this.#code.functionId, level, message);
    else call.log(level, message);
  }

  #logInternal(message: string): void {
    this.#host.onGuestLog(this.#code.functionId, "error", message);
  }
}
