/**
 * Instance: one process of a function, its link, its state and the calls it has.
 * Knows how it comes into use, how it is asked to leave, and how it goes; how
 * many there are and which call it gets is the pool's. A process is given no
 * call while it is in doubt whether it is free: one that was given up keeps its
 * place until the process has shown that it still answers.
 */
import { assert } from "../../../base/assert.ts";
import type { CallFailure } from "../../engine.ts";
import type { LaunchedProcess, ProcessEnd } from "../launch/launched.ts";
import type { CallEnd, Link, LinkedCall } from "../links/link.ts";
import { GIVE_UP_GRACE_MS } from "./call-book.ts";
import type { Unanswered } from "./call-end.ts";
import { StateRecord } from "./instance-state.ts";
import { type PoolClock, pause } from "./pool-clock.ts";
import type { CallHolder, PooledCall } from "./pooled-call.ts";
import { terminateWithin } from "./process-end.ts";

/** What an instance tells its pool; the pool may do anything with it then. */
export interface InstanceOwner {
  answered(instance: Instance, pooled: PooledCall): void;
  /** The call has no answer, and no instance any more. */
  unanswered(instance: Instance, pooled: PooledCall, end: Unanswered): void;
  /** It may have room that it had not. */
  freed(instance: Instance): void;
  gone(instance: Instance, end: ProcessEnd): void;
}

export interface InstanceOptions {
  readonly number: number;
  readonly process: LaunchedProcess;
  /** When its launch was ordered. */
  readonly orderedMs: number;
  readonly clock: PoolClock;
  readonly stopTimeoutMs: number;
}

/** How it goes when nobody waits for its answers any more. */
type Leaving = "politely" | "at once";

/** One call while it is with an instance. */
class OpenCall implements CallHolder {
  readonly pooled: PooledCall;
  readonly begunMs: number;
  readonly #instance: Instance;
  linked: LinkedCall | null = null;
  hasEnded = false;
  /** Why nobody waits for its answer any more. */
  givenUp: CallFailure | null = null;
  /** When the process should be free of it, then. */
  graceEndsMs = 0;

  constructor(pooled: PooledCall, instance: Instance, nowMs: number) {
    this.pooled = pooled;
    this.begunMs = nowMs;
    this.#instance = instance;
  }

  giveUp(_pooled: PooledCall, failure: CallFailure, graceMs: number): void {
    this.#instance.giveUp(this, failure, graceMs);
  }
}

/** What a process said before it ended may wait for a client that takes it slowly. */
const REST_WAIT_MS = 1_000;
/** How often a process that was told to give up a call is looked at: quickly first. */
const LOOK_MIN_MS = 5;
const LOOK_MAX_MS = 100;

export class Instance {
  readonly number: number;
  readonly process: LaunchedProcess;
  readonly orderedMs: number;
  readonly states: StateRecord;
  /** It was READY once. */
  hasRun = false;
  readonly #clock: PoolClock;
  readonly #stopTimeoutMs: number;
  readonly #owner: InstanceOwner;
  /** Those whose end the link has not told. */
  #openCount = 0;
  #link: Link | null = null;
  #isLinkClosed = false;
  #concurrency = 0;
  #callsLeft = 0;
  /** Calls whose clients still wait. */
  liveCount = 0;
  /** Calls that were given up, and of which it is not known that the process is done with them. */
  #doubtCount = 0;
  #leaving: Leaving | null = null;
  #isGoing = false;
  #isGone = false;
  /** Of the time in which it may go by itself. */
  #forgetWait: (() => void) | null = null;
  /** It has ended, and calls of it have not. */
  #restTaken: (() => void) | null = null;
  answeredCount = 0;
  /** Why it had to go; null while it is well, or was only asked to leave. */
  fault: string | null = null;
  /** When it last had a call. */
  idleSinceMs = 0;
  /** When it last answered: a call, or a question for its health. */
  #answeredMs = 0;
  #askedMs = 0;

  constructor({ number, process, orderedMs, clock, stopTimeoutMs }: InstanceOptions, owner: InstanceOwner) {
    this.number = number;
    this.process = process;
    this.orderedMs = orderedMs;
    this.states = new StateRecord(orderedMs);
    this.#clock = clock;
    this.#stopTimeoutMs = stopTimeoutMs;
    this.#owner = owner;
    if (process.origin !== "started") this.states.enter("WarmSnapshot", clock.nowMs());
    void process.ended.then((end) => this.#ended(end));
  }

  /** It is READY. After `callsMax` calls it leaves. False when it has gone or was told to go meanwhile. */
  run(link: Link, concurrency: number, callsMax: number): boolean {
    if (this.#isLeft()) {
      link.close(`instance ${this.number} is not wanted any more`);
      return false;
    }
    const nowMs = this.#clock.nowMs();
    this.hasRun = true;
    this.states.enter("Running", nowMs);
    this.idleSinceMs = nowMs;
    this.#answeredMs = nowMs;
    this.#link = link;
    this.#concurrency = concurrency;
    this.#callsLeft = callsMax;
    // Its open calls end right after.
    link.onBroken = (why) => this.leave("at once", why);
    return true;
  }

  get isRunning(): boolean {
    return this.states.state === "Running";
  }

  get canTake(): boolean {
    if (!this.isRunning || this.#doubtCount > 0 || this.#callsLeft === 0) return false;
    return this.#openCount + this.#link!.cancelledCount < this.#concurrency;
  }

  get isIdle(): boolean {
    return this.isRunning && this.#doubtCount === 0 && this.#openCount === 0;
  }

  /** When it last answered, or was asked to. */
  get checkedMs(): number {
    return Math.max(this.#answeredMs, this.#askedMs);
  }

  /** It takes calls, now or when it has answered some. */
  get isOfUse(): boolean {
    return this.isRunning && this.#callsLeft > 0;
  }

  /** Hot path. */
  begin(pooled: PooledCall): void {
    assert(this.canTake, "an instance was given a call that it has no room for");
    const open = new OpenCall(pooled, this, this.#clock.nowMs());
    pooled.holder = open;
    this.#callsLeft--;
    this.liveCount++;
    this.#openCount++;
    const linked = this.#link!.begin(pooled.call, (end) => this.#callEnded(open, end));
    open.linked = linked;
    // Its client left while it was written.
    if (open.givenUp !== null) linked.abandon(open.givenUp);
  }

  giveUp(open: OpenCall, failure: CallFailure, graceMs: number): void {
    open.givenUp = failure;
    open.graceEndsMs = this.#clock.nowMs() + graceMs;
    this.liveCount--;
    this.#doubtCount++;
    open.linked?.abandon(failure);
    this.#leaveIfUsedUp();
    this.#goIfLeaving();
  }

  /** Asks an idle one whether it answers; one that doesn't leaves. */
  async checkHealth(timeoutMs: number): Promise<boolean> {
    const askedMs = this.#clock.nowMs();
    this.#askedMs = askedMs;
    const isHealthy = await this.#link!.isHealthy(timeoutMs);
    if (isHealthy) this.#answeredMs = Math.max(this.#answeredMs, askedMs);
    // What it has answered meanwhile says more.
    if (isHealthy || this.#isLeft() || this.#answeredMs > askedMs) return true;
    this.leave("at once", `it did not answer within ${timeoutMs} ms when it was asked whether it is well`);
    return false;
  }

  /** Takes no more calls, and goes when nobody waits for its answers any more. */
  leave(how: Leaving, fault: string | null): void {
    if (this.#isGone) return;
    this.fault ??= fault;
    if (this.#leaving === "at once" || this.#leaving === how) return;
    if (this.isRunning) this.states.enter("Suspended", this.#clock.nowMs());
    this.#leaving = how;
    this.#isGoing = false;
    this.#goIfLeaving();
  }

  /** Now, whatever it is doing: its calls end as lost. */
  kill(why: string): void {
    this.leave("at once", null);
    this.#closeLink(why);
    if (!this.#isGone) this.process.kill();
  }

  /** By the link, once for each call. */
  #callEnded(open: OpenCall, end: CallEnd): void {
    assert(!open.hasEnded, "the end of a call was told twice");
    open.hasEnded = true;
    this.#openCount--;
    this.#settle(open, end);
    if (this.#openCount === 0) this.#restTaken?.();
  }

  #settle(open: OpenCall, end: CallEnd): void {
    const { pooled } = open;
    const nowMs = this.#clock.nowMs();
    this.idleSinceMs = nowMs;
    const spentBy = end.kind === "failed" && end.isSpent ? end.failure.message : null;
    if (open.givenUp !== null) {
      if (spentBy !== null) this.leave("at once", spentBy);
      void this.#clearDoubt(open);
      return;
    }
    this.liveCount--;
    pooled.holder = null;
    if (end.kind === "answered") {
      this.answeredCount++;
      this.#answeredMs = nowMs;
    }
    if (spentBy !== null) this.leave("at once", spentBy);
    this.#leaveIfUsedUp();
    this.#goIfLeaving();
    if (end.kind === "answered") this.#owner.answered(this, pooled);
    else this.#owner.unanswered(this, pooled, end);
    this.#owner.freed(this);
    // A call may have failed that the process is still busy with.
    if (end.kind === "failed" && !this.#isLeft()) void this.#lookForPlaces(this.#link!, nowMs + GIVE_UP_GRACE_MS);
  }

  /** Whether the process is free of a call that was given up, and whether it answers at all. */
  async #clearDoubt({ begunMs, givenUp, graceEndsMs }: OpenCall): Promise<void> {
    const link = this.#link!;
    const isHealthy = this.#isLeft() || (await link.isHealthy(Math.max(1, graceEndsMs - this.#clock.nowMs())));
    this.#doubtCount--;
    if (this.#isLeft()) return;
    if (!isHealthy) {
      this.leave("at once", "it did not answer after its call was given up");
    } else if (link.way === "http" && givenUp!.code === "CALL_TIMEOUT" && this.#answeredMs <= begunMs) {
      // HTTP has no question for it. Who has answered nothing for the whole time of a call may never again.
      this.leave("politely", "it answered nothing while a call waited for as long as it may");
    } else {
      this.#owner.freed(this);
      await this.#lookForPlaces(link, graceEndsMs);
    }
  }

  /** It answers, and may still be busy with calls that were given up: those it never answers must not fill it for good. */
  async #lookForPlaces(link: Link, graceEndsMs: number): Promise<void> {
    for (let waitMs = LOOK_MIN_MS; link.cancelledCount > 0; waitMs = Math.min(2 * waitMs, LOOK_MAX_MS)) {
      const leftMs = graceEndsMs - this.#clock.nowMs();
      if (leftMs <= 0) break;
      const before = link.cancelledCount;
      await pause(this.#clock, Math.min(waitMs, leftMs));
      if (this.#isLeft()) return;
      if (link.cancelledCount < before) this.#owner.freed(this);
    }
    if (this.liveCount === 0 && link.cancelledCount >= this.#concurrency) {
      this.leave("at once", "it is full of calls that were given up, and did not end them");
    }
  }

  #isLeft(): boolean {
    return this.#leaving !== null || this.#isGone;
  }

  #leaveIfUsedUp(): void {
    if (this.#callsLeft === 0 && this.liveCount === 0) this.leave("politely", null);
  }

  #goIfLeaving(): void {
    if (this.#leaving === null || this.#isGoing || this.#isGone || this.liveCount > 0) return;
    this.#isGoing = true;
    if (this.#leaving === "politely" && this.#link !== null) this.#askToGo(this.#link);
    else this.process.kill();
  }

  #askToGo(link: Link): void {
    const { process } = this;
    link.askToStop();
    const canBeAsked = link.way === "ring" || link.way === "frames";
    const halfMs = this.#stopTimeoutMs / 2;
    if (canBeAsked) this.#forgetWait = this.#clock.after(halfMs, () => terminateWithin(process, this.#clock, halfMs));
    else terminateWithin(process, this.#clock, this.#stopTimeoutMs);
  }

  #closeLink(why: string): void {
    const link = this.#link;
    if (link === null || this.#isLinkClosed) return;
    this.#isLinkClosed = true;
    link.onBroken = null;
    link.close(why);
  }

  #ended(end: ProcessEnd): void {
    if (this.isRunning) this.fault ??= "it ended unbidden";
    this.#isGone = true;
    this.states.end(this.#clock.nowMs());
    this.#forgetWait?.();
    const gone = (): void => {
      this.#restTaken = null;
      this.#closeLink(`the process has ended: ${end.told}`);
      this.#owner.gone(this, end);
    };
    if (this.#link === null || this.#openCount === 0) {
      gone();
      return;
    }
    // What it answered may still be on its way here; the end of its connection comes behind it, and ends the calls without one.
    const forget = this.#clock.after(REST_WAIT_MS, gone);
    this.#restTaken = () => {
      forget();
      gone();
    };
  }
}
