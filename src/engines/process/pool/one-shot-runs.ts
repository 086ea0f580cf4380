/**
 * One-shot runs: a process for every call, which gets the request on its standard
 * input and in its environment, and ends with the answer. Nothing is kept, so
 * nothing is warm; as many run at a time as instances would take calls.
 */
import type { CallFailure } from "../../engine.ts";
import type { LaunchedProcess } from "../launch/launched.ts";
import type { CallEnd, LinkedCall } from "../links/link.ts";
import type { CallBook } from "./call-book.ts";
import { StateRecord } from "./instance-state.ts";
import { type Keeper, launchWith, loadFailed } from "./keeper.ts";
import type { PoolParts } from "./pool-parts.ts";
import type { CallHolder, PooledCall } from "./pooled-call.ts";
import { endWithin, terminateWithin } from "./process-end.ts";
import { settleUnanswered } from "./settle-unanswered.ts";

/** What is still in the pipe when the process has gone is read in less. */
const OUTPUT_WAIT_MS = 1_000;
/** What a process may still do behind its answer. */
const LINGER_MS = 1_000;

export class OneShotRuns implements Keeper {
  onEmptied: (() => void) | null = null;
  readonly #parts: PoolParts;
  readonly #book: CallBook;
  readonly #runs = new Set<OneShotRun>();
  #isStopping = false;

  constructor(parts: PoolParts, book: CallBook) {
    this.#parts = parts;
    this.#book = book;
  }

  tryTake(pooled: PooledCall): boolean {
    if (!this.#hasRoom()) return false;
    void this.#serve(pooled);
    return true;
  }

  serveWaiting(): void {
    while (this.#book.waitingCount > 0 && this.#hasRoom()) void this.#serve(this.#book.takeFirst()!);
    const { gate, clock } = this.#parts;
    const nowMs = clock.nowMs();
    if (gate.opensInMs(nowMs) > 0) this.#book.failWaiting(loadFailed(gate.told(nowMs)));
  }

  /** There is nothing to warm. */
  warmUp(): Promise<CallFailure | null> {
    return Promise.resolve(null);
  }

  retire(): void {}

  stop(): void {
    this.#endAll((run) => run.stop());
  }

  kill(): void {
    this.#endAll((run) => run.kill());
  }

  *states(): Iterable<StateRecord> {
    for (const { states } of this.#runs) yield states;
  }

  get busyCount(): number {
    return this.#runs.size;
  }

  memoryBytes(): number {
    return [...this.#runs].reduce((sum, { process }) => sum + (process?.memoryBytes() ?? 0), 0);
  }

  #hasRoom(): boolean {
    const { settings, gate, clock } = this.#parts;
    return this.#runs.size < settings.instanceMax * settings.concurrency && !this.#isStopping && gate.opensInMs(clock.nowMs()) === 0;
  }

  async #serve(pooled: PooledCall): Promise<void> {
    const { clock, gate, counters, log } = this.#parts;
    const orderedMs = clock.nowMs();
    const run = new OneShotRun(this.#parts, pooled);
    this.#runs.add(run);
    const why = await run.launch();
    if (why !== null) {
      counters.failedStarts++;
      if (pooled.isOver) log("error", why);
      gate.failed(why, orderedMs, clock.nowMs());
      pooled.holder = null;
      this.#book.fail(pooled, loadFailed(why));
    } else {
      await this.#finish(run, pooled);
    }
    counters.gone(run.states, clock.nowMs());
    this.#runs.delete(run);
    this.serveWaiting();
    this.#tellIfEmptied();
  }

  async #finish(run: OneShotRun, pooled: PooledCall): Promise<void> {
    const { clock, counters, gate } = this.#parts;
    const process = run.process!;
    if (this.#isStopping) run.kill();
    const end = await run.answer();
    if (!pooled.isOver) {
      pooled.holder = null;
      if (end.kind === "answered") {
        counters.came(process, "stdio", { spawnMs: process.spawnMs, readyMs: run.tookMs });
        gate.answered();
        this.#book.answered(pooled);
      } else {
        await settleUnanswered(this.#parts, this.#book, pooled, end, (waitMs) => endWithin(process, clock, waitMs));
      }
    }
    await run.gone();
  }

  #endAll(end: (run: OneShotRun) => void): void {
    this.#isStopping = true;
    for (const run of this.#runs) end(run);
    this.#tellIfEmptied();
  }

  #tellIfEmptied(): void {
    if (!this.#isStopping || this.#runs.size > 0) return;
    const tell = this.onEmptied;
    this.onEmptied = null;
    tell?.();
  }
}

/** One process and its call. */
class OneShotRun implements CallHolder {
  readonly states: StateRecord;
  readonly #parts: PoolParts;
  readonly #pooled: PooledCall;
  process: LaunchedProcess | null = null;
  #linked: LinkedCall | null = null;
  #startedMs = 0;
  tookMs = 0;
  #isToStop = false;

  constructor(parts: PoolParts, pooled: PooledCall) {
    this.#parts = parts;
    this.#pooled = pooled;
    this.states = new StateRecord(parts.clock.nowMs());
    pooled.holder = this;
  }

  /** Why it could not be; null when the process exists. */
  async launch(): Promise<string | null> {
    const { launcher, links, clock, nextInstance } = this.#parts;
    const moreEnv = links.environmentOf(this.#pooled.call);
    const launched = await launchWith(launcher, { instance: nextInstance(), withRing: false, moreEnv, ownsStdio: true });
    if (!launched.ok) return launched.failure.message;
    this.process = launched.value;
    this.#startedMs = clock.nowMs();
    this.states.enter("Running", this.#startedMs);
    if (this.#isToStop) this.stop();
    return null;
  }

  /** How the call ended for the process. */
  async answer(): Promise<CallEnd> {
    // It was given up while the process was launched.
    if (this.#pooled.isOver) return { kind: "unsent", why: "nobody waits for it" };
    const { promise, resolve } = Promise.withResolvers<CallEnd>();
    const { links, clock } = this.#parts;
    const link = links.oneShot(this.process!);
    this.#linked = link.begin(this.#pooled.call, resolve);
    // The end of the process is for the link to judge, unless something keeps its output open.
    void this.process!.ended.then(({ told }) => clock.after(OUTPUT_WAIT_MS, () => link.close(`the process has ended: ${told}`)));
    const end = await promise;
    this.tookMs = clock.nowMs() - this.#startedMs;
    link.close("its call is over");
    return end;
  }

  giveUp(_pooled: PooledCall, failure: CallFailure): void {
    this.#linked?.abandon(failure);
    this.stop();
  }

  stop(): void {
    const { clock, settings } = this.#parts;
    this.#isToStop = true;
    if (this.process !== null && this.#suspend()) terminateWithin(this.process, clock, settings.stopTimeoutMs);
  }

  kill(): void {
    this.#isToStop = true;
    if (this.process === null) return;
    this.#suspend();
    this.process.kill();
  }

  /** One that has answered and stays is told to go. */
  async gone(): Promise<void> {
    const { clock } = this.#parts;
    if ((await endWithin(this.process!, clock, LINGER_MS)) === null) this.stop();
    await this.process!.ended;
    this.states.end(clock.nowMs());
  }

  /** False where it was told to go already. */
  #suspend(): boolean {
    const isRunning = this.states.state === "Running";
    if (isRunning) this.states.enter("Suspended", this.#parts.clock.nowMs());
    return isRunning;
  }
}
