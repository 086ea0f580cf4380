/**
 * First start: a program of which nobody has said how it wants to be called. Its
 * first call goes to its first process as it would to a one-shot program; whether
 * that says READY, opens its port, or ends with output tells what it is, for as
 * long as its template lives. Being shown to a program that turns out to wait for
 * calls is not being sent: the call is then given to it as the others are.
 */
import type { CallFailure } from "../../engine.ts";
import type { Hello, LaunchedProcess } from "../launch/launched.ts";
import type { CallEnd, Link, LinkedCall } from "../links/link.ts";
import type { CallBook } from "./call-book.ts";
import { FirstOutput } from "./first-output.ts";
import type { Adopted } from "./instance-pool.ts";
import { StateRecord } from "./instance-state.ts";
import { type Keeper, launchWith, loadFailed } from "./keeper.ts";
import type { PoolParts } from "./pool-parts.ts";
import type { CallHolder, PooledCall } from "./pooled-call.ts";
import { withWholeBody } from "./whole-body-call.ts";

/** What it turned out to be: a program that waits for calls, with its process, or a one-shot one. */
export type Discovery = { readonly way: "stdio" } | { readonly way: Hello["way"]; readonly adopted: Adopted };

type Outcome =
  | { readonly kind: "waits"; readonly hello: Hello }
  | { readonly kind: "one-shot" }
  /** `tells`: something about the program; otherwise the next call may try. */
  | { readonly kind: "neither"; readonly failure: CallFailure; readonly tells: boolean };

export class FirstStart implements Keeper, CallHolder {
  onEmptied: (() => void) | null = null;
  readonly #parts: PoolParts;
  readonly #book: CallBook;
  readonly #discovered: (discovery: Discovery) => void;
  #states: StateRecord | null = null;
  #process: LaunchedProcess | null = null;
  #linked: LinkedCall | null = null;
  #isStopping = false;
  #warmWaiters: ((failure: CallFailure | null) => void)[] = [];

  constructor(parts: PoolParts, book: CallBook, discovered: (discovery: Discovery) => void) {
    this.#parts = parts;
    this.#book = book;
    this.#discovered = discovered;
  }

  /** Whoever comes waits for what the first start tells. */
  tryTake(): boolean {
    return false;
  }

  serveWaiting(): void {
    if (this.#states !== null || this.#isStopping || this.#book.waitingCount === 0) return;
    const { gate, clock } = this.#parts;
    const nowMs = clock.nowMs();
    if (gate.opensInMs(nowMs) > 0) this.#book.failWaiting(loadFailed(gate.told(nowMs)));
    else void this.#try(this.#book.takeFirst());
  }

  /** A start without a call, which tells nothing of a one-shot program. */
  warmUp(): Promise<CallFailure | null> {
    const { gate, clock } = this.#parts;
    const nowMs = clock.nowMs();
    if (this.#states === null && gate.opensInMs(nowMs) > 0) return Promise.resolve(loadFailed(gate.told(nowMs)));
    const told = new Promise<CallFailure | null>((resolve) => this.#warmWaiters.push(resolve));
    if (this.#states === null) void this.#try(null);
    return told;
  }

  retire(): void {}

  stop(): void {
    this.kill();
  }

  kill(): void {
    this.#isStopping = true;
    this.#process?.kill();
    this.#tellIfEmptied();
  }

  *states(): Iterable<StateRecord> {
    if (this.#states !== null) yield this.#states;
  }

  get busyCount(): number {
    return 0;
  }

  memoryBytes(): number {
    return this.#process?.memoryBytes() ?? 0;
  }

  giveUp(_pooled: PooledCall, failure: CallFailure): void {
    this.#linked?.abandon(failure);
  }

  async #try(pooled: PooledCall | null): Promise<void> {
    const { launcher, links, clock, nextInstance } = this.#parts;
    const orderedMs = clock.nowMs();
    this.#states = new StateRecord(orderedMs);
    if (pooled !== null && !(await this.#take(pooled))) {
      this.#end();
      return;
    }
    const number = nextInstance();
    const moreEnv = pooled === null ? {} : links.environmentOf(pooled.call);
    const launched = await launchWith(launcher, { instance: number, withRing: true, moreEnv, ownsStdio: pooled !== null });
    if (!launched.ok) {
      this.#neither(pooled, { kind: "neither", failure: loadFailed(launched.failure.message), tells: true }, orderedMs);
      return;
    }
    const process = launched.value;
    const spawnedMs = clock.nowMs();
    const output = process.stdout === null ? null : new FirstOutput(process.stdout);
    this.#process = process;
    if (this.#isStopping) process.kill();
    const outcome = await this.#watch(process, pooled);
    const readyMs = clock.nowMs() - spawnedMs;
    if (outcome.kind === "waits" && !this.#isStopping) {
      this.#waits(pooled, { number, process, orderedMs, readyMs, hello: outcome.hello }, output);
      return;
    }
    process.kill();
    await process.ended;
    if (outcome.kind === "neither") this.#neither(pooled, outcome, orderedMs);
    else if (outcome.kind === "one-shot") this.#isOneShot(process, readyMs);
    else this.#end();
  }

  #waits(pooled: PooledCall | null, adopted: Adopted, output: FirstOutput | null): void {
    const { functionId, log } = this.#parts;
    output?.logTo((line) => log("info", line));
    if (pooled !== null && !pooled.isOver) {
      // It said so much before READY that it was taken for an answer.
      const message = `${functionId} began to answer before it was READY`;
      if (pooled.isAnswerBegun) this.#book.fail(pooled, { code: "INVALID_ANSWER", message });
      else this.#putBack(pooled);
    }
    this.#tellWarm(null);
    this.#discovered({ way: adopted.hello.way, adopted });
  }

  #isOneShot(process: LaunchedProcess, readyMs: number): void {
    const { functionId, counters, gate, clock, log } = this.#parts;
    counters.came(process, "stdio", { spawnMs: process.spawnMs, readyMs });
    counters.gone(this.#states!, clock.nowMs());
    gate.answered();
    const how = "answers as a one-shot program (its first run ended with output)";
    log("info", `${functionId} ${how}; set call: stdio to spare the guess`);
    this.#tellWarm(null);
    this.#discovered({ way: "stdio" });
  }

  #neither(pooled: PooledCall | null, { failure, tells }: Extract<Outcome, { kind: "neither" }>, orderedMs: number): void {
    const { counters, gate, clock, log } = this.#parts;
    if (!this.#isStopping && tells) {
      counters.failedStarts++;
      gate.failed(failure.message, orderedMs, clock.nowMs());
      const toldCount = this.#book.failWaiting(failure) + (pooled === null || pooled.isOver ? 0 : 1);
      if (toldCount === 0) log("error", failure.message);
    } else if (!this.#isStopping && pooled === null) {
      log("warn", `${failure.message}; it was started ahead of its calls, and the first will tell how it wants to be called`);
    }
    if (pooled !== null) this.#book.fail(pooled, failure);
    this.#tellWarm(failure);
    counters.gone(this.#states!, clock.nowMs());
    this.#end();
  }

  /** The call is with the first start, its body read, since it may be given twice. False where nothing is to be started for it. */
  async #take(pooled: PooledCall): Promise<boolean> {
    pooled.holder = this;
    try {
      pooled.call = await withWholeBody(pooled.call);
      return !pooled.isOver && !this.#isStopping;
    } catch (error) {
      this.#book.fail(pooled, { code: "BODY_FAILED", message: (error as Error).message });
      return false;
    }
  }

  /** Nothing was learned: the next call may try. */
  #end(): void {
    this.#process = null;
    this.#states = null;
    this.serveWaiting();
    this.#tellIfEmptied();
  }

  async #watch(process: LaunchedProcess, pooled: PooledCall | null): Promise<Outcome> {
    const isShown = pooled !== null && !pooled.isOver;
    const link = isShown ? this.#parts.links.oneShot(process) : null;
    const { promise: ended, resolve } = Promise.withResolvers<CallEnd>();
    if (link !== null) this.#linked = link.begin(pooled!.call, resolve);
    try {
      return await this.#outcomeOf(process, link === null ? null : ended, pooled);
    } finally {
      this.#linked = null;
      this.#letGo(process, link);
    }
  }

  /** Whichever tells first; what a call's end says of the program is nothing once nobody waits for it. */
  async #outcomeOf(process: LaunchedProcess, ended: Promise<CallEnd> | null, pooled: PooledCall | null): Promise<Outcome> {
    const first = ended === null ? null : await Promise.race([ended, process.ready.then(() => null)]);
    if (first?.kind === "answered" && !pooled!.isOver) return this.#oneShot(pooled!);
    // A program that waits for calls may have closed its input, which ends the call as if it was one-shot.
    const said = await process.ready;
    if (said.ok) return { kind: "waits", hello: said.value };
    const isEnded = said.failure.code === "ENDED_EARLY";
    const end = ended !== null && isEnded ? await ended : first;
    if (end?.kind === "answered" && !pooled!.isOver) return this.#oneShot(pooled!);
    if (end?.kind === "failed" && !pooled!.isOver && TOLD_BY_OUTPUT.has(end.failure.code)) {
      return { kind: "neither", failure: end.failure, tells: false };
    }
    // Without a call that was still waited for, its end says nothing unless it failed.
    const isTold = (pooled !== null && !pooled.isOver) || !isEnded || (await process.ended).code !== 0;
    return { kind: "neither", failure: loadFailed(said.failure.message), tells: isTold };
  }

  #oneShot(pooled: PooledCall): Outcome {
    pooled.holder = null;
    this.#book.answered(pooled);
    return { kind: "one-shot" };
  }

  #letGo(process: LaunchedProcess, link: Link | null): void {
    link?.close("the first start has told how the program wants to be called");
    process.stdin?.on("error", () => {});
    process.stdin?.end();
  }

  #putBack(pooled: PooledCall): void {
    pooled.holder = null;
    this.#book.lineUpFirst(pooled);
  }

  #tellWarm(failure: CallFailure | null): void {
    const waiters = this.#warmWaiters;
    this.#warmWaiters = [];
    for (const tell of waiters) tell(failure);
  }

  #tellIfEmptied(): void {
    if (!this.#isStopping || this.#states !== null) return;
    this.#tellWarm(loadFailed(`${this.#parts.functionId} was closed while it started`));
    const tell = this.onEmptied;
    this.onEmptied = null;
    tell?.();
  }
}

/** The program has answered, and badly: that says nothing of how it starts. */
const TOLD_BY_OUTPUT: ReadonlySet<string> = new Set(["INVALID_ANSWER", "OUTPUT_TOO_LARGE", "MEMORY_LIMIT_EXCEEDED"]);
