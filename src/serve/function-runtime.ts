/**
 * Function runtime: one function inside one worker. Gets its bundle, opens and
 * replaces its sandbox as the isolation mode says, lets calls through the
 * pool, and keeps the counters. Sandboxes exist only while somebody calls:
 * an uncalled function costs its entry in a map.
 */
import type { Failure, Result } from "../base/result.ts";
import type { EngineName } from "../config/config.ts";
import type { CallFailure, Engine, Sandbox, Template } from "../engines/engine.ts";
import { SandboxError } from "../engines/engine.ts";
import { answerError } from "../http/error-answer.ts";
import type { Exchange } from "../http/exchange.ts";
import { FunctionCounters } from "../telemetry/function-counters.ts";
import type { LogLevel } from "../telemetry/log-record.ts";
import type { FunctionMetrics } from "../telemetry/metrics.ts";
import { addProcessMetrics, type ProcessMetrics, withoutInstances } from "../telemetry/process-metrics.ts";
import { type Log, logAccess } from "./access-log.ts";
import { CallPool } from "./call-pool.ts";
import { errorPage, type Page } from "./error-page.ts";
import type { BundleRef, FunctionSpec } from "./function-spec.ts";
import type { GuestLogs } from "./guest-logs.ts";
import { limitHint } from "./limit-hint.ts";
import { describeBuildFailure, reasonOf, toCallFailure } from "./runtime-failures.ts";
import { ServedCall } from "./served-call.ts";

/** What a runtime needs of its worker. */
export interface RuntimeHost {
  /** Loaded when the first function needs it. */
  engineOf(name: EngineName): Engine | Promise<Engine>;
  readonly poolWaitTimeoutMs: number;
  readonly poolMetricsEvery: number;
  readonly accessLog: boolean;
  /** Asks the supervisor for the bundle; one answer per request. */
  build(functionId: string): Promise<Result<BundleRef, Failure>>;
  readonly log: Log;
  readonly guestLogs: GuestLogs;
  /** Guest stacks carry bundle positions: rewritten to the developer's files. */
  mapStack(stack: string, bundle: BundleRef): Promise<string>;
  /** Lines of source around the first frame of a mapped stack, for `dev`. */
  excerpt(stack: string, bundle: BundleRef): Promise<string>;
  /** Failed calls answer with a page for the developer. */
  readonly showsErrors: boolean;
  opened(runtime: FunctionRuntime): void;
}

/** A function whose load has failed is not tried again for this long: it would fail for every request. */
const LOAD_RETRY_MS = 1_000;

export class FunctionRuntime {
  readonly spec: FunctionSpec;
  readonly counters = new FunctionCounters();
  readonly #pool: CallPool;
  readonly #host: RuntimeHost;
  #bundle: BundleRef | null;
  #template: Promise<Template> | null = null;
  #openTemplate: Template | null = null;
  /** Of templates before this one: what was counted must not fall when one is made anew. */
  #earlierPromotions = 0;
  #earlierDemotions = 0;
  #earlierProcess: ProcessMetrics | null = null;
  #sandbox: Sandbox | null = null;
  #opening: Promise<Sandbox> | null = null;
  #sandboxCalls = 0;
  #sandboxOpenedMs = 0;
  /** Why it has no bundle; null while it has one or nobody asked. */
  #buildFailure: Failure | null = null;
  #loadFailure: { readonly failure: CallFailure; readonly untilMs: number } | null = null;
  #closed = false;
  lastCallMs = 0;

  constructor(spec: FunctionSpec, host: RuntimeHost) {
    this.spec = spec;
    this.#host = host;
    this.#bundle = spec.bundle;
    this.#pool = new CallPool(spec.poolSize, host.poolWaitTimeoutMs);
  }

  handle(exchange: Exchange, params: Readonly<Record<string, string>> | null): void {
    const { failure } = this.spec;
    const call = new ServedCall(exchange, params, this);
    if (failure === null) this.#pool.enter(call);
    else this.#refuse(call, failure);
  }

  /** Its settings or its file forbid it to run: known before any call. */
  #refuse({ exchange, requestId }: ServedCall, failure: Failure): void {
    const { code, message, hint, at } = failure;
    const { id } = this.spec;
    this.counters.errors++;
    this.#host.log("error", message, { function: id, requestId, code, status: 500, hint, at });
    const answer = (): void => {
      if (this.#host.showsErrors) {
        const page = errorPage(exchange, { functionId: id, failure, stack: "", excerpt: "" });
        exchange.respond(500, page.headerLines, page.body);
      } else {
        const lines = `x-request-id: ${requestId}\r\n`;
        answerError(exchange, 500, code, `${id} can't be served; the server's log has the reason under this request id`, lines, requestId);
      }
    };
    const told = exchange.tellReason?.(Promise.resolve(message)) ?? null;
    if (told === null) answer();
    else void told.then(answer);
  }

  /** Opens its sandbox before anybody calls: a process function has from then on the instances that it always keeps. */
  warmUp(): void {
    if (this.spec.failure !== null || this.#closed || this.hasSandbox) return;
    // What goes wrong is told to the call that meets it, and in the log.
    this.#open().catch(() => {});
  }

  /** The call has its place. */
  start(call: ServedCall): void {
    const sandbox = this.#usableSandbox();
    if (sandbox !== null) {
      this.#sandboxCalls++;
      sandbox.invoke(call);
      return;
    }
    this.#enter(call).catch((error: unknown) => call.fail(toCallFailure(error)));
  }

  /** Where it returns a promise, the answer waits for it (`Exchange.tellReason`). */
  failed(call: ServedCall, failure: CallFailure, status: number): Promise<void> | null {
    const { counters } = this;
    counters.errors++;
    if (failure.code === "CALL_TIMEOUT") counters.timeouts++;
    else if (failure.code === "CPU_LIMIT_EXCEEDED") counters.cpuTimeouts++;
    else if (failure.code === "MEMORY_LIMIT_EXCEEDED") counters.outOfMemory++;
    const mapped = this.#mapped(failure.stack);
    void this.#logFailure(call.requestId, failure, status, mapped);
    return call.exchange.tellReason?.(mapped.then((stack) => reasonOf(failure, stack))) ?? null;
  }

  async #logFailure(requestId: string, failure: CallFailure, status: number, mapped: Promise<string>): Promise<void> {
    const { code, message } = failure;
    const advice = this.#adviceOf(failure);
    const stack = await mapped;
    // Serve writes logs for machines, which have the sources.
    const excerpt = this.#host.showsErrors ? await this.#excerptOf(stack) : "";
    const trace = { ...(stack === "" ? {} : { stack }), ...(excerpt === "" ? {} : { excerpt }) };
    this.#host.log("error", message, { function: this.spec.id, requestId, code, status, ...advice, ...trace });
  }

  /** The guest's stack in the developer's files; as it came when the source map can't be used. */
  async #mapped(stack: string | undefined): Promise<string> {
    if (stack === undefined || stack === "" || this.#bundle === null) return stack ?? "";
    return this.#host.mapStack(stack, this.#bundle).catch(() => stack);
  }

  async #excerptOf(mappedStack: string): Promise<string> {
    if (mappedStack === "" || this.#bundle === null) return "";
    return this.#host.excerpt(mappedStack, this.#bundle).catch(() => "");
  }

  /** What to do about it, and where, for those who may know. */
  #adviceOf({ code }: CallFailure): Pick<Failure, "hint" | "at"> {
    const { hint, at } =
      code === "LOAD_FAILED" && this.#buildFailure !== null ? this.#buildFailure : { hint: limitHint(this.spec.id, code) };
    return { ...(hint === undefined ? {} : { hint }), ...(at === undefined ? {} : { at }) };
  }

  /** `execUs` is negative for a call that never got a place. */
  finished(call: ServedCall, status: number, bodyBytes: number, latencyUs: number, execUs: number): void {
    this.counters.answered(status, latencyUs);
    this.lastCallMs = performance.now();
    if (execUs >= 0) {
      this.#pool.leave(execUs);
      const every = this.#host.poolMetricsEvery;
      if (every > 0 && this.#pool.execCount % every === 0) this.#host.log("info", this.#pool.metricsLine(), { function: this.spec.id });
    }
    if (this.#host.accessLog) {
      const { exchange, requestId } = call;
      logAccess(this.#host.log, { function: this.spec.id }, exchange, { requestId, status, bodyBytes, latencyUs });
    }
  }

  guestLog(level: LogLevel, message: string, requestId: string): void {
    this.#host.guestLogs.write({ functionId: this.spec.id, level, message, requestId }, this.#bundle);
  }

  /** What it runs; null before its first call, unless it was built before. */
  get bundle(): BundleRef | null {
    return this.#bundle;
  }

  /** What `dev` answers instead of the stranger's error; null in `serve`. */
  async errorPage(exchange: Exchange, failure: CallFailure): Promise<Page | null> {
    if (!this.#host.showsErrors) return null;
    const advice = this.#adviceOf(failure);
    const stack = await this.#mapped(failure.stack);
    const excerpt = await this.#excerptOf(stack);
    return errorPage(exchange, { functionId: this.spec.id, failure: { ...failure, ...advice }, stack, excerpt });
  }

  get showsErrors(): boolean {
    return this.#host.showsErrors;
  }

  /** Whether a new deployment's spec asks for nothing but what runs here already. */
  serves(spec: FunctionSpec): boolean {
    // A failed load is not kept: what made it fail may have been mended elsewhere.
    if (this.#loadFailure !== null) return false;
    const sameBundle = (spec.bundle?.hash ?? null) === (this.#bundle?.hash ?? null);
    return sameBundle && JSON.stringify({ ...spec, bundle: null }) === JSON.stringify({ ...this.spec, bundle: null });
  }

  get hasSandbox(): boolean {
    return this.#sandbox !== null && !this.#sandbox.closed;
  }

  get callCount(): number {
    return this.#pool.execCount;
  }

  get inFlight(): number {
    return this.#pool.inUse;
  }

  /** No call is open and none waits: of a retired runtime, that it is over. */
  get drained(): boolean {
    return this.#pool.inUse === 0 && this.#pool.waitingCount === 0;
  }

  get idleSandbox(): boolean {
    return this.#sandbox !== null && this.#sandbox.busyCount === 0 && this.#pool.inUse === 0;
  }

  heapUsedBytes(): number {
    return this.#sandbox?.heapUsedBytes() ?? 0;
  }

  /** Closes the idle sandbox; the next call opens another. */
  evict(): void {
    this.counters.evictions++;
    this.#sandbox?.close();
    this.#sandbox = null;
  }

  /** Serves what it has and takes nothing more: a newer version has the route. */
  retire(): void {
    this.#closed = true;
    this.#sandbox?.retire();
    this.#sandbox = null;
    this.#template?.then(
      (template) => template.close(),
      () => {},
    );
  }

  metrics(): FunctionMetrics {
    const { counters } = this;
    return {
      id: this.spec.id,
      engine: this.spec.engine,
      lane: this.#sandbox === null ? "none" : (this.#openTemplate?.lane ?? "none"),
      sandboxesOpen: this.#sandbox === null || this.#sandbox.closed ? 0 : 1,
      heapUsedBytes: this.heapUsedBytes(),
      byStatus: counters.byStatus(),
      coldStarts: counters.coldStarts,
      coldStartSumUs: counters.coldStartSumUs,
      coldStartMaxUs: counters.coldStartMaxUs,
      coldStartBuckets: [...counters.coldStartBuckets],
      startMode: this.#openTemplate?.startMode ?? null,
      promotions: this.#earlierPromotions + (this.#openTemplate?.promotionCount ?? 0),
      demotions: this.#earlierDemotions + (this.#openTemplate?.demotionCount ?? 0),
      timeouts: counters.timeouts,
      cpuTimeouts: counters.cpuTimeouts,
      outOfMemory: counters.outOfMemory,
      evictions: counters.evictions,
      errors: counters.errors,
      // A retired one takes nothing more: its places are the successor's.
      pool: this.#closed ? { ...this.#pool.metrics(), size: 0 } : this.#pool.metrics(),
      process: addProcessMetrics(this.#earlierProcess, this.#openTemplate?.processMetrics?.() ?? null),
    };
  }

  #usableSandbox(): Sandbox | null {
    const sandbox = this.#sandbox;
    if (sandbox === null) return null;
    if (sandbox.closed) {
      this.#sandbox = null;
      return null;
    }
    const { isolation } = this.spec;
    const spent =
      (isolation.kind === "bounded" && this.#sandboxCalls >= isolation.calls) ||
      (isolation.kind === "ttl" && performance.now() - this.#sandboxOpenedMs >= isolation.ms);
    if (!spent) return sandbox;
    sandbox.retire();
    this.#sandbox = null;
    return null;
  }

  /**
   * Opens a sandbox and enters it. One opening at a time; calls that come
   * meanwhile share it. A call enters in the very turn that finds the sandbox
   * usable: a bounded one may be used up by the next call already.
   */
  async #enter(call: ServedCall): Promise<void> {
    for (;;) {
      const usable = this.#usableSandbox();
      if (usable !== null) {
        this.#sandboxCalls++;
        usable.invoke(call);
        return;
      }
      const opened = await this.#open();
      if (this.#closed) {
        // Retired while it opened: it serves the calls that waited for it, then closes. Not at
        // once: the others enter in the microtasks behind this one.
        opened.invoke(call);
        setImmediate(() => opened.retire());
        return;
      }
    }
  }

  #open(): Promise<Sandbox> {
    this.#opening ??= this.#openOnce().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  async #openOnce(): Promise<Sandbox> {
    const startMs = performance.now();
    if (this.#loadFailure !== null && startMs < this.#loadFailure.untilMs) throw new SandboxError(this.#loadFailure.failure);
    try {
      this.#template ??= this.#prepare();
      const template = await this.#template;
      this.#use(template);
      const sandbox = await template.open();
      this.#loadFailure = null;
      this.counters.coldStart((performance.now() - startMs) * 1_000);
      if (!this.#closed) this.#sandbox = sandbox;
      this.#sandboxCalls = 0;
      this.#sandboxOpenedMs = performance.now();
      this.#host.opened(this);
      return sandbox;
    } catch (error) {
      this.#template = null;
      this.#loadFailure = { failure: toCallFailure(error), untilMs: performance.now() + LOAD_RETRY_MS };
      throw error;
    }
  }

  #use(template: Template): void {
    const before = this.#openTemplate;
    if (before === template) return;
    this.#openTemplate = template;
    this.#earlierPromotions += before?.promotionCount ?? 0;
    this.#earlierDemotions += before?.demotionCount ?? 0;
    this.#earlierProcess = withoutInstances(addProcessMetrics(this.#earlierProcess, before?.processMetrics?.() ?? null));
  }

  async #prepare(): Promise<Template> {
    if (this.#bundle !== null) {
      try {
        return await this.#prepareFrom(this.#bundle);
      } catch (error) {
        // The cache may have swept away a bundle that nobody called for long.
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      }
    }
    const built = await this.#host.build(this.spec.id);
    this.#buildFailure = built.ok ? null : built.failure;
    if (!built.ok) throw new SandboxError({ code: "LOAD_FAILED", message: describeBuildFailure(built.failure) });
    this.#bundle = built.value;
    return this.#prepareFrom(built.value);
  }

  async #prepareFrom(bundle: BundleRef): Promise<Template> {
    const { spec } = this;
    const engine = await this.#host.engineOf(spec.engine);
    return engine.prepare({
      functionId: spec.id,
      codeFile: bundle.codeFile,
      mapFile: bundle.mapFile,
      codeCacheFile: bundle.codeCacheFile,
      memoryMaxBytes: spec.memoryMaxBytes,
      timeoutMs: spec.timeoutMs,
      cpuTimeoutMs: spec.cpuTimeoutMs,
      freshState: spec.isolation.kind === "request",
      env: spec.env,
      allow: spec.allow,
      outputMaxBytes: spec.outputMaxBytes,
      contract: spec.contract,
      folders: spec.folders,
      checkpoint: spec.checkpoint,
      process: spec.process,
    });
  }
}
