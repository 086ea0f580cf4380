/**
 * The process engine: functions that are executables. A template is one function
 * with its settings, its launcher and what was learned of how it wants to be
 * called; a sandbox is the pool of its instances in this worker. How processes
 * are started and how calls reach them is handed in (launch/, links/).
 */
import { assert } from "../../base/assert.ts";
import type { LogLevel } from "../../telemetry/log-record.ts";
import type { ProcessMetrics } from "../../telemetry/process-metrics.ts";
import type { Engine, EngineSource, Template } from "../engine.ts";
import type { Launcher } from "./launch/launched.ts";
import type { LinkWay } from "./links/link.ts";
import { MACHINE_CLOCK, type PoolClock } from "./pool/pool-clock.ts";
import type { LinkMaker, PoolParts } from "./pool/pool-parts.ts";
import { ProcessCounters } from "./pool/process-counters.ts";
import { ProcessSandbox } from "./pool/process-sandbox.ts";
import { StartGate } from "./pool/start-gate.ts";

export interface ProcessEngineOptions {
  /** Of one function; rejects with SandboxError where it can't be started at all. */
  launcherOf(source: EngineSource): Launcher | Promise<Launcher>;
  linksOf(source: EngineSource): LinkMaker;
  /** A line that an instance has written, or that is about one, and belongs to no call. */
  onGuestLog(functionId: string, level: LogLevel, message: string): void;
  readonly clock?: PoolClock;
}

export class ProcessEngine implements Engine {
  readonly name = "process";
  readonly #options: ProcessEngineOptions;
  readonly #templates = new Set<ProcessTemplate>();
  #instanceCount = 0;
  #onUnused: (() => void) | null = null;

  constructor(options: ProcessEngineOptions) {
    this.#options = options;
  }

  async prepare(source: EngineSource): Promise<ProcessTemplate> {
    const { functionId, memoryMaxBytes, timeoutMs, freshState, process: settings } = source;
    const { launcherOf, linksOf, onGuestLog, clock = MACHINE_CLOCK } = this.#options;
    assert(settings !== null, `${functionId} was given to the process engine without settings of processes`);
    const launcher = await launcherOf(source);
    const template = new ProcessTemplate(
      {
        functionId,
        settings,
        memoryMaxBytes,
        timeoutMs,
        freshState,
        launcher,
        links: linksOf(source),
        clock,
        gate: new StartGate(),
        counters: new ProcessCounters((message) => onGuestLog(functionId, "warn", message)),
        nextInstance: () => ++this.#instanceCount,
        log: (level, message) => onGuestLog(functionId, level, message),
      },
      () => this.#drop(template),
    );
    this.#templates.add(template);
    return template;
  }

  /** Resolves when what was retired has ended all its processes, each in the time that it is given to leave; or after `withinMs`. */
  async drained(withinMs: number): Promise<void> {
    if (this.#templates.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, withinMs);
    this.#onUnused = resolve;
    await promise;
    clearTimeout(timer);
  }

  /** The worker leaves: no process is given time. */
  close(): void {
    for (const template of [...this.#templates]) template.kill();
  }

  #drop(template: ProcessTemplate): void {
    this.#templates.delete(template);
    if (this.#templates.size === 0) this.#onUnused?.();
  }
}

export class ProcessTemplate implements Template {
  readonly lane = "none";
  readonly startMode = null;
  readonly promotionCount = 0;
  readonly demotionCount = 0;
  readonly #parts: PoolParts;
  readonly #closed: () => void;
  readonly #pools = new Set<ProcessSandbox>();
  #way: LinkWay | null;
  #isToClose = false;
  #isClosed = false;

  constructor(parts: PoolParts, closed: () => void) {
    this.#parts = parts;
    this.#closed = closed;
    this.#way = parts.settings.call === "auto" ? null : parts.settings.call;
  }

  /** At once: calls wait in the pool for their instance, and a start that fails is their failure. */
  async open(): Promise<ProcessSandbox> {
    const pool = new ProcessSandbox(this.#parts, {
      way: this.#way,
      discovered: (way) => {
        this.#way = way;
      },
      emptied: (emptied) => {
        this.#pools.delete(emptied);
        this.#closeIfUnused();
      },
    });
    this.#pools.add(pool);
    return pool;
  }

  processMetrics(): ProcessMetrics {
    const pools = [...this.#pools].map((pool) => pool.now());
    return { ...this.#parts.counters.metrics(pools, this.#parts.clock.nowMs()), way: this.#way };
  }

  /** What it keeps for its pools goes with the last of them: a retired one still answers the calls it has. */
  close(): void {
    this.#isToClose = true;
    // A pool for calls that waited for it may be opened in this turn still.
    setImmediate(() => this.#closeIfUnused());
  }

  kill(): void {
    this.#isToClose = true;
    for (const pool of this.#pools) pool.kill();
    this.#close();
  }

  #closeIfUnused(): void {
    if (this.#isToClose && this.#pools.size === 0) this.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#parts.launcher.close();
    this.#closed();
  }
}
