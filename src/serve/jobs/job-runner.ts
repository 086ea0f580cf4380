/**
 * Job runner: carries out the jobs of one worker's functions. Leases what is
 * due, calls the function as a request would, and writes down what became of it.
 * Sleeps until it is woken or something falls due, the leases of dead workers
 * included: whatever dies, a lease ends by itself and somebody takes the job
 * again. Every attempt may so happen twice; none is lost.
 */
import { ok, type Result } from "../../base/result.ts";
import { MINUTE_MS, SECOND_MS } from "../../base/units.ts";
import type { JobsConfig } from "../../config/config.ts";
import type { Exchange } from "../../http/exchange.ts";
import { JOB_RESULT_MAX_BYTES, type LeasedJob } from "../../store/job.ts";
import type { JobStore } from "../../store/job-store.ts";
import type { StoreFault } from "../../store/store-fault.ts";
import type { Log } from "../access-log.ts";
import type { FunctionSpec } from "../function-spec.ts";
import { JobExchange } from "./job-exchange.ts";
import { functionOfCall, queuesOf, topicOf } from "./job-queues.ts";
import { type JobRequest, requestOf } from "./job-request.ts";
import { judge, type Verdict } from "./job-verdict.ts";

/** What a function takes calls by. */
export interface JobTarget {
  readonly spec: FunctionSpec;
  readonly inFlight: number;
}

export type JobEvent = "waiting" | "done" | "retried" | "dead";

export interface JobRunnerHost<Target extends JobTarget> {
  readonly policy: JobsConfig;
  readonly log: Log;
  targets(): readonly Target[];
  /** Calls the function, wherever it is placed. */
  call(exchange: Exchange, target: Target, params: JobRequest["params"]): void;
  /** "waiting": there is more than this worker can take. The others are for the metrics. */
  tell(event: JobEvent): void;
}

/** Well above the silence after which a worker is killed: one that is alive keeps its jobs. */
const LEASE_MS = 12 * SECOND_MS;
const EXTEND_INTERVAL_MS = 3 * SECOND_MS;
/** A wake-up may be lost, and another server or `pilotlight jobs` may have put something into the folder. */
const IDLE_POLL_MS = 30 * SECOND_MS;
const STORE_RETRY_MS = SECOND_MS;
/** Of a server that stops: one that runs on tries for as long as it holds the job. */
const SETTLE_TRIES_MAX = 5;
const SWEEP_INTERVAL_MS = 10 * MINUTE_MS;
const SWEEP_FULL_COUNT = 1_000;
const ROOM_INTERVAL_MS = 50;
const STOPPED = "the server stops";
const LEASE_LOST = "its lease was lost";

/** A job in this worker's hands. */
interface HeldJob {
  readonly job: LeasedJob;
  /** Null until its function is called. */
  exchange: JobExchange | null;
  isLost: boolean;
}

export class JobRunner<Target extends JobTarget> {
  readonly #jobs: JobStore;
  readonly #host: JobRunnerHost<Target>;
  readonly #running = new Map<string, HeldJob>();
  readonly #ended = new Set<() => void>();
  #queues: ReadonlyMap<string, string> = new Map();
  #timer: NodeJS.Timeout | null = null;
  #extender: NodeJS.Timeout | null = null;
  #looking: Promise<void> | null = null;
  #again = false;
  /** Of calls to functions that are gone; null while nobody has looked. */
  #orphans: readonly string[] | null = null;
  #sweptMs = Number.NEGATIVE_INFINITY;
  #storeFailing = false;
  #stopped = false;

  constructor(jobs: JobStore, host: JobRunnerHost<Target>) {
    this.#jobs = jobs;
    this.#host = host;
    this.deployed();
  }

  /** Other functions are there than before. */
  deployed(): void {
    this.#queues = queuesOf(this.#host.targets().map(({ spec }) => spec));
    this.#orphans = null;
    this.wake();
  }

  /** There may be something to do. */
  wake(): void {
    if (this.#stopped) return;
    this.#again = true;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
  }

  /** Takes no more and begins no more; what runs may end within the grace, and is given back after it. */
  async drain(graceMs: number): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#looking;
    const cutOff = setTimeout(() => {
      for (const { exchange } of this.#running.values()) exchange?.abort(STOPPED);
    }, graceMs);
    while (this.#running.size > 0) await new Promise<void>((resolve) => this.#ended.add(resolve));
    clearTimeout(cutOff);
    if (this.#extender !== null) clearInterval(this.#extender);
  }

  async #look(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      const nextMs = await this.#round();
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = this.#stopped ? null : setTimeout(() => this.wake(), nextMs);
    }
  }

  /** Milliseconds until the next look, unless something wakes it before. */
  async #round(): Promise<number> {
    await this.#keepOrder();
    const free = this.#host.policy.concurrency - this.#running.size;
    // Each that ends wakes this one again.
    if (free <= 0) return IDLE_POLL_MS;
    const queues = [...this.#queues.keys(), ...(this.#orphans ?? [])];
    const leased = await this.#jobs.lease(queues, free, LEASE_MS, this.#storeFailing);
    if (!leased.ok) return this.#storeFailed(leased.failure);
    this.#storeFailing = false;
    for (const job of leased.value) this.#begin(job);
    if (leased.value.length === free) {
      this.#host.tell("waiting");
      return IDLE_POLL_MS;
    }
    const due = await this.#jobs.dueInMs(queues);
    if (!due.ok) return this.#storeFailed(due.failure);
    return Math.min(due.value ?? IDLE_POLL_MS, IDLE_POLL_MS);
  }

  #storeFailed({ message }: StoreFault): number {
    if (!this.#storeFailing) this.#host.log("error", `Cannot look for jobs: ${message}`, { code: "JOBS_UNREADABLE" });
    this.#storeFailing = true;
    return STORE_RETRY_MS;
  }

  #begin(job: LeasedJob): void {
    const held: HeldJob = { job, exchange: null, isLost: false };
    this.#running.set(job.lease, held);
    this.#extender ??= setInterval(() => this.#extend(), EXTEND_INTERVAL_MS);
    this.#carryOut(held)
      .catch((error: Error) => this.#host.log("error", `A job could not be run: ${error.stack}`, { job: job.id, queue: job.queue }))
      .finally(() => this.#end(job));
  }

  #end(job: LeasedJob): void {
    this.#running.delete(job.lease);
    if (this.#running.size === 0 && this.#extender !== null) {
      clearInterval(this.#extender);
      this.#extender = null;
    }
    for (const resolve of this.#ended) resolve();
    this.#ended.clear();
    this.wake();
  }

  #extend(): void {
    for (const held of this.#running.values()) {
      void this.#jobs.extend(held.job, LEASE_MS).then((extended) => {
        if (!extended.ok || extended.value) return;
        held.isLost = true;
        held.exchange?.abort(LEASE_LOST);
      });
    }
  }

  async #carryOut(held: HeldJob): Promise<void> {
    const functionId = this.#queues.get(held.job.queue);
    await this.#settle(held.job, await this.#attempt(held, functionId), functionId);
  }

  async #attempt(held: HeldJob, functionId: string | undefined): Promise<Verdict> {
    const { job } = held;
    const find = () => this.#host.targets().find(({ spec }) => spec.id === functionId);
    let target = find();
    // The wait for a place in its pool is short, for clients; a job has time.
    while (target !== undefined && target.inFlight >= target.spec.poolSize && !this.#stopped && !held.isLost) {
      await new Promise((resolve) => setTimeout(resolve, ROOM_INTERVAL_MS));
      target = find();
    }
    if (this.#stopped || held.isLost) return { do: "giveBack", reason: held.isLost ? LEASE_LOST : STOPPED };
    if (target === undefined) return withoutFunction(job);
    const exchange = this.#exchangeOf(job, target.spec);
    if (exchange === null) return buriedBecause("what was kept of it can't be read: the file is damaged");
    held.exchange = exchange.exchange;
    this.#host.call(exchange.exchange, target, exchange.params);
    const answer = await exchange.exchange.answer;
    return judge(answer, { count: job.attemptCount, isMessage: topicOf(job.queue) !== null }, this.#host.policy, Math.random());
  }

  #exchangeOf(job: LeasedJob, spec: FunctionSpec): { exchange: JobExchange; params: JobRequest["params"] } | null {
    try {
      const request = requestOf(job, spec);
      return { exchange: new JobExchange(request, job.payload, JOB_RESULT_MAX_BYTES), params: request.params };
    } catch {
      return null;
    }
  }

  /**
   * Writes down how it ended. While that fails, on a full disk for one, the job is
   * kept and its lease extended: the function must not be called again for it.
   */
  async #settle(job: LeasedJob, verdict: Verdict, functionId: string | undefined): Promise<void> {
    const about = { function: functionId, job: job.id, attempt: job.attemptCount };
    for (let tries = 1; ; tries++) {
      const settled = await this.#write(job, verdict);
      if (settled.ok) {
        this.#told(settled.value, verdict, about);
        return;
      }
      const gaveUp = this.#stopped && tries >= SETTLE_TRIES_MAX;
      if (gaveUp || tries === 1) {
        const next = gaveUp ? "so it will run again" : "and tries until it can";
        this.#host.log("error", `Cannot write down how a job ended, ${next}: ${settled.failure.message}`, {
          ...about,
          code: "JOB_UNSETTLED",
        });
      }
      if (gaveUp) return;
      await new Promise((resolve) => setTimeout(resolve, STORE_RETRY_MS));
    }
  }

  /** What has come of it; null when the lease has been lost. */
  async #write(job: LeasedJob, verdict: Verdict): Promise<Result<JobEvent | null, StoreFault>> {
    switch (verdict.do) {
      case "complete":
        return eventOf(await this.#jobs.complete(job, verdict.body, verdict.resultMeta), "done");
      case "bury":
        return eventOf(await this.#jobs.bury(job, verdict.whole), "dead");
      case "giveBack":
        return eventOf(await this.#jobs.giveBack(job), "waiting");
      case "retry": {
        const state = await this.#jobs.retry(job, verdict.whole, verdict.delayMs);
        return state.ok ? ok(state.value === "queued" ? "retried" : state.value) : state;
      }
    }
  }

  #told(event: JobEvent | null, verdict: Verdict, about: Readonly<Record<string, unknown>>): void {
    if (event === null) {
      this.#host.log("warn", "A job took longer than its lease, so it runs again", { ...about, code: "JOB_LEASE_LOST" });
      return;
    }
    this.#host.tell(event);
    if (verdict.do === "complete") return;
    if (verdict.do === "giveBack") {
      this.#host.log("info", `A job goes back to the queue, and its attempt does not count: ${verdict.reason}`, {
        ...about,
        code: "JOB_GIVEN_BACK",
      });
      return;
    }
    const dead = event === "dead";
    const message = dead ? `A job is dead: ${verdict.error}` : `A job failed and is tried again: ${verdict.error}`;
    this.#host.log(dead ? "error" : "warn", message, { ...about, code: dead ? "JOB_DEAD" : "JOB_RETRIED" });
  }

  /** What nobody would do otherwise: results that are old, calls to functions that are gone. */
  async #keepOrder(): Promise<void> {
    if (performance.now() - this.#sweptMs > SWEEP_INTERVAL_MS) {
      const { keepMs, keepDeadMs } = this.#host.policy;
      for (let full = true; full && !this.#stopped; ) {
        const swept = await this.#jobs.sweep(keepMs, keepDeadMs);
        full = swept.ok && swept.value >= SWEEP_FULL_COUNT;
      }
      this.#sweptMs = performance.now();
    }
    this.#orphans ??= await this.#findOrphans();
  }

  async #findOrphans(): Promise<readonly string[] | null> {
    const counts = await this.#jobs.counts();
    if (!counts.ok) return null;
    const open = counts.value.filter(({ state }) => state === "queued" || state === "running");
    const queues = new Set(open.map(({ queue }) => queue));
    return [...queues].filter((queue) => functionOfCall(queue) !== null && !this.#queues.has(queue));
  }
}

function eventOf(moved: Result<boolean, StoreFault>, event: JobEvent): Result<JobEvent | null, StoreFault> {
  return moved.ok ? ok(moved.value ? event : null) : moved;
}

function buriedBecause(error: string): Verdict {
  return { do: "bury", error, whole: error };
}

/** A message waits for a function of its topic's name; a client's call was meant for one that was there. */
function withoutFunction({ queue }: LeasedJob): Verdict {
  const functionId = functionOfCall(queue);
  if (functionId === null) return { do: "giveBack", reason: "its function was removed" };
  return buriedBecause(`the function ${functionId} is no longer deployed: deploy it and replay the job, or drop it`);
}
