/**
 * Realms: those of one sandbox, each a fresh context in which the function's
 * module has run. A module may load for as long as a call may take, and its
 * turns are under the same CPU limit. What calls do in a realm, and when it may
 * be freed, is the sandbox's.
 */
import type ivm from "isolated-vm";
import type { Call, CallFailure, EngineSource } from "../engine.ts";
import { SandboxError } from "../engine.ts";
import type { OpenIsolate } from "../isolate/spare-isolates.ts";
import type { TurnRunner } from "../isolate/turn-runner.ts";
import { bootContext } from "./crossing.ts";
import { Realm, type RealmHost } from "./realm.ts";

/** The function's code, compiled per isolate. */
export interface ModuleCode {
  readonly source: EngineSource;
  readonly text: string;
  readonly cachedData: ivm.ExternalCopy<ArrayBuffer> | null;
  /** Given V8's code cache when there was none to use. */
  keepCodeCache(data: ivm.ExternalCopy<ArrayBuffer>): void;
}

const NO_OPTIONS: ivm.ReferenceApplyOptions = {};

export class Realms {
  readonly open = new Set<Realm>();
  readonly #code: ModuleCode;
  readonly #isolate: ivm.Isolate;
  /** Came with the isolate; the first realm takes it. */
  #readyContext: ivm.Context | null;
  readonly #turns: TurnRunner;
  readonly #host: RealmHost;
  readonly #bootJson: string;
  /** Realms whose module is still loading, and who waits for each. */
  readonly #loading = new Map<Realm, (failure: CallFailure | null) => void>();
  /** Turns in which modules load: their ids are negative. */
  readonly #loadIds = new Map<number, Realm>();
  #loadCount = 0;
  #script: ivm.Script | null = null;

  constructor(code: ModuleCode, scheme: "http" | "https", opened: OpenIsolate, turns: TurnRunner, host: RealmHost) {
    this.#code = code;
    this.#isolate = opened.isolate;
    this.#readyContext = opened.context;
    this.#turns = turns;
    this.#host = host;
    this.#bootJson = JSON.stringify({ scheme, env: code.source.env });
  }

  async compile(): Promise<void> {
    const { text, cachedData, source } = this.#code;
    const cache = cachedData === null ? { produceCachedData: true as const } : { cachedData };
    const script = await this.#isolate.compileScript(text, { filename: `pilotlight:${source.functionId}`, ...cache });
    this.#script = script;
    const { cachedData: produced } = script as { cachedData?: ivm.ExternalCopy<ArrayBuffer> };
    if (produced !== undefined) this.#code.keepCodeCache(produced);
  }

  /** A fresh context with the module run in it. Rejects with SandboxError. */
  async make(): Promise<Realm> {
    const script = this.#script as ivm.Script;
    const ready = this.#readyContext;
    this.#readyContext = null;
    const context = ready ?? (this.#turns.inLoopLane() ? this.#isolate.createContextSync() : await this.#isolate.createContext());
    const realm = new Realm(this.#host, (...callbacks) => bootContext(context, callbacks, this.#bootJson));
    this.open.add(realm);
    const { functionId, timeoutMs } = this.#code.source;
    const loaded = new Promise<CallFailure | null>((resolve) => this.#loading.set(realm, resolve));
    const timer = setTimeout(() => {
      this.loaded(realm, { code: "LOAD_FAILED", message: `The module of ${functionId} did not finish loading within ${timeoutMs} ms` });
    }, timeoutMs);
    const loadId = -++this.#loadCount;
    this.#loadIds.set(loadId, realm);
    const entry = { applySync: () => script.runSync(context), apply: () => script.run(context) };
    this.#turns.run({ callId: loadId, entry, args: [], options: NO_OPTIONS, ended: null });
    const failure = await loaded;
    clearTimeout(timer);
    this.#loadIds.delete(loadId);
    if (failure === null) return realm;
    realm.spent = true;
    this.#host.idle(realm);
    throw new SandboxError(failure);
  }

  /** The module ran to its end, or failed to; what comes after the first word is ignored. */
  loaded(realm: Realm, failure: CallFailure | null): void {
    this.#loading.get(realm)?.(failure);
    this.#loading.delete(realm);
  }

  /** The turn of this id threw: true when it was one in which a module loads. */
  loadThrew(loadId: number, thrown: { message: string; stack: string }): boolean {
    const realm = this.#loadIds.get(loadId);
    if (realm === undefined) return false;
    this.loaded(realm, { code: "LOAD_FAILED", ...thrown });
    return true;
  }

  get busyCount(): number {
    let count = 0;
    for (const realm of this.open) count += realm.busyCount;
    return count;
  }

  callOf(callId: number): Call | undefined {
    for (const realm of this.open) {
      const call = realm.calls.get(callId);
      if (call !== undefined) return call;
    }
    return undefined;
  }

  /** The isolate is gone. */
  fail(failure: CallFailure): void {
    for (const realm of [...this.#loading.keys()]) this.loaded(realm, failure);
  }
}
