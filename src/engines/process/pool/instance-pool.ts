/**
 * Instance pool: the instances of a function that are kept between calls. Starts
 * them when calls wait, gives each call to the least busy, stops the idle ones,
 * asks whether they are well, and replaces those that are not. What to start and
 * to stop is decided in pool-plan.ts; when a start may be tried, in start-gate.ts.
 */
import type { Result } from "../../../base/result.ts";
import type { CallFailure } from "../../engine.ts";
import type { Hello, LaunchedProcess, LaunchFailure, ProcessEnd } from "../launch/launched.ts";
import type { Link, LinkWay } from "../links/link.ts";
import type { CallBook } from "./call-book.ts";
import type { Unanswered } from "./call-end.ts";
import { Instance, type InstanceOwner } from "./instance.ts";
import type { StateRecord } from "./instance-state.ts";
import { type Keeper, launchWith, linkTo, loadFailed } from "./keeper.ts";
import type { PoolParts } from "./pool-parts.ts";
import { planStarts, planStops } from "./pool-plan.ts";
import type { PooledCall } from "./pooled-call.ts";
import { endWithin } from "./process-end.ts";
import { settleUnanswered } from "./settle-unanswered.ts";

const HEALTH_TIMEOUT_MAX_MS = 5_000;

/** A process that is there already: the first start, once it has told its way. */
export interface Adopted {
  readonly number: number;
  readonly process: LaunchedProcess;
  readonly orderedMs: number;
  readonly readyMs: number;
  readonly hello: Hello;
}

export class InstancePool implements Keeper, InstanceOwner {
  onEmptied: (() => void) | null = null;
  readonly #parts: PoolParts;
  readonly #book: CallBook;
  readonly #way: Exclude<LinkWay, "stdio">;
  readonly #instances = new Set<Instance>();
  /** Ordered, and not there yet. */
  #launchingCount = 0;
  /** There, and neither ready nor failed. */
  readonly #starting = new Set<Instance>();
  #instanceMin: number;
  #concurrency: number;
  #isRetired = false;
  #isStopping = false;
  #warmWaiters: ((failure: CallFailure | null) => void)[] = [];
  #forgetLook: (() => void) | null = null;
  #lookDueMs = 0;

  constructor(parts: PoolParts, book: CallBook, way: Exclude<LinkWay, "stdio">) {
    const { instanceMin, instanceMax, concurrency } = parts.settings;
    this.#parts = parts;
    this.#book = book;
    this.#way = way;
    this.#instanceMin = Math.min(instanceMin, instanceMax);
    this.#concurrency = parts.freshState ? 1 : concurrency;
  }

  /** Hot path. */
  tryTake(pooled: PooledCall): boolean {
    const instance = this.#leastBusy();
    if (instance === null) return false;
    instance.begin(pooled);
    return true;
  }

  serveWaiting(): void {
    for (let pooled = this.#book.first(); pooled !== null; pooled = this.#book.first()) {
      const instance = this.#leastBusy();
      if (instance === null) break;
      this.#book.takeFirst();
      instance.begin(pooled);
    }
    this.#plan();
  }

  warmUp(): Promise<CallFailure | null> {
    const { gate, clock } = this.#parts;
    if (this.#isStopping) return Promise.resolve(this.#stopped());
    if (this.#usefulCount() > 0) return Promise.resolve(null);
    const nowMs = clock.nowMs();
    if (this.#startingCount === 0 && gate.opensInMs(nowMs) > 0) return Promise.resolve(loadFailed(gate.told(nowMs)));
    const told = new Promise<CallFailure | null>((resolve) => this.#warmWaiters.push(resolve));
    this.#plan();
    return told;
  }

  async adopt({ number, process, orderedMs, readyMs, hello }: Adopted): Promise<void> {
    const instance = this.#instanceOf(number, process, orderedMs);
    this.#linked(instance, await linkTo(this.#parts, this.#way, process, hello), hello, readyMs);
  }

  retire(): void {
    this.#isRetired = true;
    this.#instanceMin = 0;
    if (this.#book.waitingCount > 0) return;
    for (const instance of this.#instances) if (instance.isIdle) instance.leave("politely", null);
  }

  stop(): void {
    this.#endAll((instance) => instance.leave("politely", null));
  }

  kill(why: string): void {
    this.#endAll((instance) => instance.kill(why));
  }

  *states(): Iterable<StateRecord> {
    for (const { states } of this.#instances) yield states;
  }

  get busyCount(): number {
    return [...this.#instances].filter(({ isRunning, liveCount }) => isRunning && liveCount > 0).length;
  }

  memoryBytes(): number {
    return [...this.#instances].reduce((sum, { process }) => sum + process.memoryBytes(), 0);
  }

  answered(instance: Instance, pooled: PooledCall): void {
    if (instance.answeredCount === 1) this.#parts.gate.answered();
    this.#book.answered(pooled);
  }

  unanswered(instance: Instance, pooled: PooledCall, end: Unanswered): void {
    void settleUnanswered(this.#parts, this.#book, pooled, end, (waitMs) => endWithin(instance.process, this.#parts.clock, waitMs)).then(
      (isBack) => {
        if (isBack) this.serveWaiting();
      },
    );
  }

  /** Hot path. */
  freed(instance: Instance): void {
    if (this.#isStopping) return;
    if (this.#book.waitingCount > 0 || this.#parts.freshState) this.serveWaiting();
    if (!instance.isIdle) return;
    if (this.#isRetired) instance.leave("politely", null);
    else this.#lookAt(this.#dueOf(instance));
  }

  gone(instance: Instance, { told }: ProcessEnd): void {
    const { functionId, counters, clock, gate, log } = this.#parts;
    const nowMs = clock.nowMs();
    this.#instances.delete(instance);
    counters.gone(instance.states, nowMs);
    // One that never was ready is the business of its start.
    if (instance.hasRun) {
      const { number, fault, answeredCount, orderedMs } = instance;
      if (fault !== null && !this.#isStopping) {
        counters.restarts++;
        log("warn", `Instance ${number} of ${functionId} is gone: ${fault} (${told})`);
        const early = `${functionId} ended before it had answered a call: ${fault} (${told})`;
        if (answeredCount === 0) gate.failed(early, orderedMs, nowMs, true);
      }
      this.serveWaiting();
    }
    this.#tellIfEmptied();
  }

  /** The first of those with the fewest calls: the others become idle, and can go. */
  #leastBusy(): Instance | null {
    let best: Instance | null = null;
    for (const instance of this.#instances) {
      if (!instance.canTake) continue;
      if (instance.liveCount === 0) return instance;
      if (best === null || instance.liveCount < best.liveCount) best = instance;
    }
    return best;
  }

  get #startingCount(): number {
    return this.#launchingCount + this.#starting.size;
  }

  #usefulCount(): number {
    let count = 0;
    for (const { isOfUse } of this.#instances) if (isOfUse) count++;
    return count;
  }

  #plan(): void {
    if (this.#isStopping) return;
    const { settings, clock, gate, freshState } = this.#parts;
    const nowMs = clock.nowMs();
    const runningCount = this.#usefulCount();
    const closedMs = gate.opensInMs(nowMs);
    if (closedMs > 0) {
      const isAlone = runningCount + this.#startingCount === 0;
      if (isAlone && !gate.isWorthWaitingFor(nowMs)) this.#book.failWaiting(loadFailed(gate.told(nowMs)));
      if (this.#book.waitingCount > 0 || runningCount < this.#instanceMin) this.#lookAt(nowMs + closedMs);
      return;
    }
    const sinceMs = this.#book.waitingSinceMs;
    const { startCount, againInMs } = planStarts({
      // Somebody who wants it warm wants one at least.
      instanceMin: Math.max(this.#instanceMin, Math.min(1, this.#warmWaiters.length)),
      instanceMax: settings.instanceMax,
      concurrency: this.#concurrency,
      isOneCallEach: freshState,
      runningCount,
      startingCount: this.#startingCount,
      leavingCount: this.#instances.size - runningCount - this.#starting.size,
      waitingCount: this.#book.waitingCount,
      waitedMs: sinceMs === null ? 0 : nowMs - sinceMs,
    });
    const most = gate.isOnTrial ? 1 - this.#startingCount : startCount;
    for (let start = 0; start < Math.min(startCount, most); start++) void this.#start();
    if (againInMs !== null) this.#lookAt(nowMs + againInMs);
  }

  async #start(): Promise<void> {
    const { launcher, clock } = this.#parts;
    this.#launchingCount++;
    const orderedMs = clock.nowMs();
    const number = this.#parts.nextInstance();
    const order = { instance: number, withRing: this.#way === "ring", moreEnv: {}, ownsStdio: false };
    const launched = await launchWith(launcher, order);
    this.#launchingCount--;
    if (!launched.ok) {
      this.#startFailed(launched.failure.message, orderedMs);
      return;
    }
    const spawnedMs = clock.nowMs();
    const process = launched.value;
    const instance = this.#instanceOf(number, process, orderedMs);
    const hello = await process.ready;
    const readyMs = clock.nowMs() - spawnedMs;
    if (hello.ok) this.#linked(instance, await linkTo(this.#parts, this.#way, process, hello.value), hello.value, readyMs);
    else this.#unlinked(instance, hello.failure.message);
  }

  #instanceOf(number: number, process: LaunchedProcess, orderedMs: number): Instance {
    const { clock, settings } = this.#parts;
    const instance = new Instance({ number, process, orderedMs, clock, stopTimeoutMs: settings.stopTimeoutMs }, this);
    this.#instances.add(instance);
    this.#starting.add(instance);
    if (this.#isStopping) instance.kill("its pool was closed while it started");
    return instance;
  }

  #linked(instance: Instance, link: Result<Link, LaunchFailure>, hello: Hello, readyMs: number): void {
    const { functionId, settings, freshState, counters } = this.#parts;
    if (!link.ok) {
      this.#unlinked(instance, link.failure.message);
      return;
    }
    const concurrency = Math.min(settings.concurrency, hello.concurrency ?? settings.concurrency);
    this.#concurrency = freshState ? 1 : Math.max(1, concurrency);
    if (!instance.run(link.value, this.#concurrency, freshState ? 1 : Number.POSITIVE_INFINITY)) {
      this.#unlinked(instance, `${functionId} ended right after it had said READY`);
      return;
    }
    this.#starting.delete(instance);
    counters.came(instance.process, this.#way, { spawnMs: instance.process.spawnMs, readyMs });
    this.#tellWarm(null);
    this.#lookAt(this.#dueOf(instance));
    this.serveWaiting();
  }

  #unlinked(instance: Instance, why: string): void {
    instance.kill(why);
    this.#starting.delete(instance);
    this.#startFailed(why, instance.orderedMs);
  }

  #startFailed(why: string, orderedMs: number): void {
    const { counters, gate, clock, log } = this.#parts;
    if (!this.#isStopping) {
      counters.failedStarts++;
      gate.failed(why, orderedMs, clock.nowMs());
      this.#tellWarm(loadFailed(why));
      const isAlone = this.#usefulCount() + this.#startingCount === 0;
      const toldCount = isAlone ? this.#book.failWaiting(loadFailed(why)) : 0;
      // A call's failure is a line of the log already.
      if (toldCount === 0) log("error", why);
      this.#plan();
    }
    this.#tellIfEmptied();
  }

  #tellWarm(failure: CallFailure | null): void {
    const waiters = this.#warmWaiters;
    this.#warmWaiters = [];
    for (const tell of waiters) tell(failure);
  }

  /** When there is something to do about an idle one. */
  #dueOf({ idleSinceMs, checkedMs }: Instance): number {
    const { idleTimeoutMs, healthIntervalMs } = this.#parts.settings;
    const idleDueMs = this.#usefulCount() > this.#instanceMin ? idleSinceMs + idleTimeoutMs : Number.POSITIVE_INFINITY;
    return Math.min(idleDueMs, healthIntervalMs > 0 ? checkedMs + healthIntervalMs : Number.POSITIVE_INFINITY);
  }

  #lookAt(dueMs: number): void {
    if (this.#isStopping || dueMs === Number.POSITIVE_INFINITY) return;
    if (this.#forgetLook !== null) {
      if (this.#lookDueMs <= dueMs) return;
      this.#forgetLook();
    }
    this.#lookDueMs = dueMs;
    this.#forgetLook = this.#parts.clock.after(dueMs - this.#parts.clock.nowMs(), () => this.#look());
  }

  #look(): void {
    this.#forgetLook = null;
    const { settings, clock } = this.#parts;
    const nowMs = clock.nowMs();
    const idle = [...this.#instances].filter(({ isIdle }) => isIdle);
    const presentCount = this.#usefulCount() + this.#startingCount;
    const limits = { instanceMin: this.#instanceMin, idleTimeoutMs: settings.idleTimeoutMs };
    for (const instance of planStops(idle, presentCount, limits, nowMs)) instance.leave("politely", null);
    for (const instance of idle) {
      if (!instance.isIdle) continue;
      if (settings.healthIntervalMs > 0 && nowMs - instance.checkedMs >= settings.healthIntervalMs) void this.#askHealth(instance);
      this.#lookAt(this.#dueOf(instance));
    }
    this.serveWaiting();
  }

  async #askHealth(instance: Instance): Promise<void> {
    const timeoutMs = Math.min(this.#parts.settings.healthIntervalMs, HEALTH_TIMEOUT_MAX_MS);
    if (!(await instance.checkHealth(timeoutMs))) this.#parts.counters.healthFailures++;
  }

  #endAll(end: (instance: Instance) => void): void {
    this.#isStopping = true;
    this.#forgetLook?.();
    this.#forgetLook = null;
    this.#tellWarm(this.#stopped());
    for (const instance of [...this.#instances]) end(instance);
    this.#tellIfEmptied();
  }

  #stopped(): CallFailure {
    return { code: "SANDBOX_CLOSED", message: `The instances of ${this.#parts.functionId} were stopped` };
  }

  #tellIfEmptied(): void {
    if (!this.#isStopping || this.#instances.size > 0 || this.#startingCount > 0) return;
    const tell = this.onEmptied;
    this.onEmptied = null;
    tell?.();
  }
}
