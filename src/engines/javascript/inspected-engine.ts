/**
 * The inspected engine: runs a function where V8's inspector can see it. The
 * inspector of isolated-vm's isolates aborts the process under Node 26 (a
 * check on the creating thread), and its CPU profiler samples single turns
 * only, so `pilotlight profile` moves the function to a worker of its own for
 * a while, and there into a plain context of that worker's main isolate.
 *
 * A context is no sandbox: memory and CPU limits don't hold here, and only the
 * permission model stands between the function and the machine. Nothing else
 * may run in such a worker, and only an operator can ask for one.
 */

import { readFile } from "node:fs/promises";
import { Session } from "node:inspector/promises";
import { createContext, runInContext } from "node:vm";
import type { OpenCapabilityHost } from "../../host/capabilities.ts";
import type { LogLevel } from "../../telemetry/log-record.ts";
import type { Call, CallFailure, Engine, EngineSource, Sandbox, Template } from "../engine.ts";
import { SandboxError } from "../engine.ts";
import { CallDeadlines } from "../isolate/call-deadlines.ts";
import type { Entry } from "../isolate/turn-runner.ts";
import type { OpContext } from "./ops/op.ts";
import { type Boot, Realm, type RealmHost } from "./realm.ts";

export type ProfileKind = "cpu" | "heap";

/** About 1,000 samples a second: fine enough for a function, cheap enough not to shift what it measures. */
const CPU_SAMPLING_INTERVAL_US = 1_000;
const HEAP_SAMPLING_INTERVAL_BYTES = 32 * 1024;

export interface InspectedEngineOptions {
  readonly preludeCode: string;
  readonly scheme: "http" | "https";
  readonly capabilities: OpenCapabilityHost;
  onGuestLog(functionId: string, level: LogLevel, message: string): void;
}

export class InspectedEngine implements Engine {
  readonly name = "javascript";
  readonly #options: InspectedEngineOptions;

  constructor(options: InspectedEngineOptions) {
    this.#options = options;
  }

  async prepare(source: EngineSource): Promise<Template> {
    const text = await readFile(source.codeFile, "utf8");
    const open = async (): Promise<Sandbox> => {
      const sandbox = new InspectedSandbox(source, this.#options);
      await sandbox.load(text);
      return sandbox;
    };
    return { open, lane: "none", startMode: null, promotionCount: 0, demotionCount: 0, close: () => {} };
  }

  close(): void {}
}

/** Profiles this process for a while; JSON as Chrome's developer tools open it. */
export async function profileProcess(kind: ProfileKind, durationMs: number): Promise<string> {
  const session = new Session();
  session.connect();
  const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, durationMs));
  try {
    if (kind === "cpu") {
      await session.post("Profiler.enable");
      await session.post("Profiler.setSamplingInterval", { interval: CPU_SAMPLING_INTERVAL_US });
      await session.post("Profiler.start");
      await pause();
      return JSON.stringify((await session.post("Profiler.stop")).profile);
    }
    await session.post("HeapProfiler.enable");
    await session.post("HeapProfiler.startSampling", { samplingInterval: HEAP_SAMPLING_INTERVAL_BYTES });
    await pause();
    return JSON.stringify((await session.post("HeapProfiler.stopSampling")).profile);
  } finally {
    session.disconnect();
  }
}

class InspectedSandbox implements Sandbox, RealmHost {
  readonly opContext: OpContext;
  readonly #source: EngineSource;
  readonly #context: object;
  readonly #realm: Realm;
  readonly #deadlines: CallDeadlines;
  readonly #abort = new AbortController();
  #settle: ((failure: CallFailure | null) => void) | null = null;
  #callCount = 0;
  #retired = false;
  closed = false;

  constructor(source: EngineSource, options: InspectedEngineOptions) {
    this.#source = source;
    this.opContext = {
      functionId: source.functionId,
      allow: source.allow,
      signal: this.#abort.signal,
      state: new Map(),
      capabilities: async () => (await options.capabilities()).hostFor(source.functionId, source.allow),
      log: (level, message, callId) => {
        const call = this.#realm.calls.get(callId);
        if (call === undefined) options.onGuestLog(source.functionId, level, message);
        else call.log(level, message);
      },
      traceparent: (callId) => this.#realm.calls.get(callId)?.traceparent() ?? null,
    };
    this.#context = createContext({}, { name: source.functionId });
    runInContext(options.preludeCode, this.#context, { filename: "pilotlight-guest" });
    this.#realm = new Realm(this, (...callbacks) => this.#boot(callbacks, JSON.stringify({ scheme: options.scheme, env: source.env })));
    this.#deadlines = new CallDeadlines(source, null);
  }

  async load(text: string): Promise<void> {
    const loaded = new Promise<CallFailure | null>((resolve) => {
      this.#settle = resolve;
    });
    try {
      runInContext(`__pilotlight_load(() => ${text}\n)`, this.#context, { filename: `pilotlight:${this.#source.functionId}` });
    } catch (error) {
      this.#settle?.({ code: "LOAD_FAILED", message: String(error) });
    }
    const failure = await loaded;
    if (failure !== null) throw new SandboxError(failure);
  }

  invoke(call: Call): void {
    const { exchange, params } = call;
    const callId = ++this.#callCount;
    exchange.body.readAll().then(
      (bytes) => {
        this.#realm.calls.set(callId, call);
        this.#deadlines.add(callId, this.#realm);
        exchange.onAbort = (mayWait = false) => this.#realm.clientLeft(callId, mayWait);
        const packed = this.#run(this.#realm.dispatch, [
          callId,
          exchange.method,
          exchange.target,
          exchange.headerBlock,
          bytes,
          params === null ? undefined : JSON.stringify(params),
          false,
        ]);
        if (packed !== undefined && this.#realm.calls.delete(callId)) this.#realm.answerPacked(call, packed);
      },
      (error: Error) => call.fail({ code: "BODY_FAILED", message: error.message }),
    );
  }

  get waitMaxMs(): number {
    return this.#source.timeoutMs;
  }

  streaming(callId: number): void {
    this.#deadlines.delete(callId);
  }

  get busyCount(): number {
    return this.#realm.busyCount;
  }

  retire(): void {
    this.#retired = true;
    if (this.busyCount === 0) this.close();
  }

  idle(): void {
    if (this.#retired) this.close();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#deadlines.close();
    this.#abort.abort();
    for (const [, call] of this.#realm.close())
      call.fail({ code: "SANDBOX_CLOSED", message: `The sandbox of ${this.#source.functionId} was closed` });
  }

  heapUsedBytes(): number {
    return process.memoryUsage().heapUsed;
  }

  loaded(_realm: Realm, failure: { message: string; stack: string } | null): void {
    this.#settle?.(failure === null ? null : { code: "LOAD_FAILED", ...failure });
  }

  enter(_callId: number, entry: Entry, args: unknown[]): void {
    this.#run(entry, args);
  }

  #run(entry: Entry, args: unknown[]): unknown {
    return entry.applySync(undefined, args, {});
  }

  #boot(callbacks: Parameters<Boot>, bootJson: string): ReturnType<Boot> {
    // Values cross by copy, as they do into an isolate: a guest's Proxy must not reach our code.
    const copying = callbacks.map(
      (callback) =>
        (...args: unknown[]) =>
          structuredClone(callback(...(structuredClone(args) as unknown[]))),
    );
    const boot = runInContext("__pilotlight_boot", this.#context) as (
      ...args: unknown[]
    ) => Record<"dispatch" | "take" | "signal", (...args: unknown[]) => unknown>;
    const entries = boot(...copying, bootJson);
    const entry = (name: "dispatch" | "take" | "signal"): Entry => ({
      applySync: (_receiver, args) => entries[name](...args),
      apply: async (_receiver, args) => entries[name](...args),
    });
    return { dispatch: entry("dispatch"), take: entry("take"), signal: entry("signal"), release: () => {} };
  }
}
