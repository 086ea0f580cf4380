/**
 * A load thread: its connections, its schedule, its clock. It opens what it can
 * before the first request is due, sends, and reports once. Started by
 * run-load.ts; must not print, and touches nothing outside its thread.
 */
import { parentPort, workerData } from "node:worker_threads";
import { AnswerChecks } from "./answer-checks.ts";
import { arrivalTimes, type OpenArrivals, scheduleMs } from "./arrival-times.ts";
import { nowMs } from "./clock.ts";
import { ClosedDriver } from "./closed-driver.ts";
import { type ConnectionContext, type Driver, LoadConnection, OPEN, OPENING } from "./connection.ts";
import { MetronomeSleeper, runMetronome } from "./metronome.ts";
import { OpenDriver } from "./open-driver.ts";
import { type LoadPlan, plannedDurationMs } from "./plan.ts";
import { Recorder } from "./recorder.ts";
import { createRequestSource } from "./request-source.ts";
import { HeadMemory } from "./response-reader.ts";
import { SAMPLES_MAX_COUNT } from "./sample-columns.ts";
import { SocketOpener } from "./socket-opener.ts";
import type { FromThread, ThreadStart, ToThread } from "./thread-messages.ts";

const SWEEP_MAX_MS = 50;
const SWEEP_MIN_MS = 5;
/** Deadlines are kept to within this share of the timeout. */
const SWEEPS_PER_TIMEOUT = 20;
const PROGRESS_MS = 500;
/** Connections that don't open in this time are opened when a request needs them. */
const OPENING_MAX_MS = 10_000;

class LoadThread {
  readonly #start: ThreadStart;
  readonly #plan: LoadPlan;
  readonly #context: ConnectionContext;
  readonly #recorder: Recorder;
  readonly #connections: readonly LoadConnection[];
  readonly #sweepMs: number;
  #driver: ClosedDriver | OpenDriver | null = null;
  #sleeper: MetronomeSleeper | null = null;
  #startMs = Number.POSITIVE_INFINITY;
  #endMs = Number.POSITIVE_INFINITY;
  #measuredEndMs = Number.POSITIVE_INFINITY;
  /** Taken at the end of the measured part. */
  #utilization: number | null = null;
  #lastSweepMs = Number.NaN;
  #lastProgressMs = 0;
  #maxInUse = 0;
  #isReady = false;
  #isDone = false;
  /** Taken when the measured part begins. */
  #baseline = { utilization: performance.eventLoopUtilization(), cpuUs: 0, spunMs: 0 };
  readonly #sweeper: NodeJS.Timeout;

  constructor(start: ThreadStart) {
    const { plan, threadIndex, address } = start;
    this.#start = start;
    this.#plan = plan;
    const sampleMaxCount = plan.keepsSamples ? shareOf(SAMPLES_MAX_COUNT, plan.threadCount, threadIndex) : 0;
    this.#recorder = new Recorder(sampleMaxCount, (point) => post({ kind: "second", point }));
    this.#context = {
      opener: new SocketOpener(plan, address),
      requests: createRequestSource(plan, threadIndex),
      checks: new AnswerChecks(plan.checks),
      heads: new HeadMemory(plan.method === "HEAD", plan.checks.headers),
      recorder: this.#recorder,
      pipelining: plan.pipelining,
      keepsAlive: plan.keepsAlive,
      timeoutMs: plan.timeoutMs,
      place: `${plan.target.host}:${plan.target.port}`,
      isTls: plan.target.protocol === "https:",
      driver: { onRoom: () => this.#tellReady() } satisfies Driver,
      sentBytes: 0,
      receivedBytes: 0,
      connectionsOpened: 0,
    };
    const connectionCount = shareOf(plan.connectionMaxCount, plan.threadCount, threadIndex);
    this.#connections = Array.from({ length: connectionCount }, () => new LoadConnection(this.#context));
    this.#sweepMs = Math.max(SWEEP_MIN_MS, Math.min(SWEEP_MAX_MS, plan.timeoutMs / SWEEPS_PER_TIMEOUT));
    this.#sweeper = setInterval(() => this.#sweep(), this.#sweepMs);
  }

  connect(): void {
    if (this.#plan.keepsAlive) {
      for (const connection of this.#connections) connection.open();
      setTimeout(() => this.#tellReady(true), Math.min(OPENING_MAX_MS, this.#plan.timeoutMs));
    } else this.#tellReady(true);
  }

  begin(startMs: number): void {
    const { plan, threadIndex, metronome } = this.#start;
    this.#startMs = startMs;
    const durationMs = plannedDurationMs(plan);
    this.#endMs = durationMs === null ? Number.POSITIVE_INFINITY : startMs + durationMs;
    const { arrivals } = plan;
    const scheduledMs = arrivals.kind === "closed" ? Number.POSITIVE_INFINITY : scheduleMs({ ...plan, arrivals });
    this.#measuredEndMs = Math.min(this.#endMs, startMs + scheduledMs);
    this.#recorder.measureBetween(startMs, this.#measuredEndMs);
    const requestMaxCount =
      plan.requestMaxCount === null ? Number.POSITIVE_INFINITY : shareOf(plan.requestMaxCount, plan.threadCount, threadIndex);
    const common = { requestMaxCount, startMs, endMs: this.#endMs, onDone: () => this.finish() };
    let driver: ClosedDriver | OpenDriver;
    if (arrivals.kind === "closed") driver = new ClosedDriver(this.#connections, { ...common, thinkMs: arrivals.thinkMs });
    else {
      const open: OpenDriver = new OpenDriver(this.#connections, {
        ...common,
        dueTimes: shifted(arrivalTimes({ ...plan, arrivals: arrivals as OpenArrivals }, plan.threadCount, threadIndex), startMs),
        timeoutMs: plan.timeoutMs,
        recorder: this.#recorder,
        wakeAt: (dueMs) => this.#sleeper!.wakeAt(dueMs),
      });
      this.#sleeper = new MetronomeSleeper(metronome!, plan.threadCount, threadIndex, () => open.tick(nowMs()));
      driver = open;
    }
    this.#context.driver = driver;
    this.#driver = driver;
    const firstMs = startMs - plan.warmUpMs;
    // On a busy machine the word to start may come after the moment itself.
    const untilMs = (atMs: number): number => Math.max(0, atMs - nowMs());
    if (plan.warmUpMs > 0) setTimeout(() => this.#takeBaseline(), untilMs(startMs));
    setTimeout(() => {
      // In one turn: of two timers the later may come first, and a short run is over by then.
      if (plan.warmUpMs === 0) this.#takeBaseline();
      // A timer may be early by a part of a millisecond; nothing may be due before the measured part, nor sent before it is due.
      let atMs = nowMs();
      while (atMs < firstMs) atMs = nowMs();
      driver.start(atMs);
    }, untilMs(firstMs));
  }

  /** Reports, once, and lets the thread end. */
  finish(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    clearInterval(this.#sweeper);
    this.#utilization ??= this.#measureUtilization();
    const cpuUs = ownCpuUs() - this.#baseline.cpuUs;
    this.#driver?.giveUpWaiting(nowMs());
    for (const connection of this.#connections) connection.leaveUnfinished(nowMs());
    const report = {
      ...this.#recorder.finish(),
      sentBytes: this.#context.sentBytes,
      receivedBytes: this.#context.receivedBytes,
      connectionsOpened: this.#context.connectionsOpened,
      // Looked at by the sweep; a run may be shorter than one.
      connectionsMaxInUse: Math.max(this.#maxInUse, Math.min(1, this.#recorder.requestCount)),
      utilization: this.#utilization,
      cpuUs,
    };
    this.#context.driver = { onRoom() {} };
    // Handed over, not copied: they may be most of what this thread holds.
    post(
      { kind: "done", report },
      Object.values(report.samples ?? {}).map(({ buffer }) => buffer),
    );
    parentPort!.close();
  }

  #tellReady(isTimeUp = false): void {
    if (this.#isReady || (!isTimeUp && this.#connections.some(({ state }) => state === OPENING))) return;
    this.#isReady = true;
    const faulty = this.#connections.find(({ openFault }) => openFault !== null);
    const openCount = this.#plan.keepsAlive ? this.#connections.filter(({ state }) => state === OPEN).length : this.#connections.length;
    const pending = {
      kind: "timeout",
      message: `${this.#context.place}: no connection within ${Math.min(OPENING_MAX_MS, this.#plan.timeoutMs)} ms`,
    } as const;
    post({ kind: "ready", openCount, fault: faulty?.openFault ?? (openCount < this.#connections.length ? pending : null) });
  }

  #sweep(): void {
    const atMs = nowMs();
    if (atMs > this.#startMs && atMs < this.#endMs) {
      // Timers keep whole milliseconds: only what is beyond one is lag.
      if (this.#lastSweepMs > this.#startMs) this.#recorder.loopLaggedBy(Math.max(0, atMs - this.#lastSweepMs - this.#sweepMs - 1));
      this.#lastSweepMs = atMs;
    }
    let inUse = 0;
    for (const connection of this.#connections) {
      if (connection.count > 0) inUse++;
      connection.expire(atMs);
    }
    if (inUse > this.#maxInUse) this.#maxInUse = inUse;
    if (this.#isDone) return;
    // A thread rests while the last answers come: that says nothing of how busy it was.
    if (atMs >= this.#measuredEndMs) this.#utilization ??= this.#measureUtilization();
    this.#driver?.sweep(atMs);
    this.#recorder.turnSecond(atMs);
    if (atMs - this.#lastProgressMs < PROGRESS_MS) return;
    this.#lastProgressMs = atMs;
    post({ kind: "progress", completedCount: this.#recorder.requestCount, failedCount: this.#recorder.failedCount });
  }

  #measureUtilization(): number {
    const loop = performance.eventLoopUtilization(this.#baseline.utilization);
    const spunMs = (this.#sleeper?.spunMs ?? 0) - this.#baseline.spunMs;
    const wallMs = loop.active + loop.idle;
    return wallMs > 0 ? Math.max(0, Math.min(1, (loop.active - spunMs) / wallMs)) : 0;
  }

  #takeBaseline(): void {
    this.#baseline = { utilization: performance.eventLoopUtilization(), cpuUs: ownCpuUs(), spunMs: this.#sleeper?.spunMs ?? 0 };
    if (this.#plan.warmUpMs > 0) this.#context.connectionsOpened = 0;
  }
}

/** The n-th of `parts` equal shares of a whole number. */
function shareOf(whole: number, parts: number, index: number): number {
  return Math.floor(whole / parts) + (index < whole % parts ? 1 : 0);
}

function* shifted(times: Iterable<number>, byMs: number): Generator<number, void> {
  for (const time of times) yield time + byMs;
}

function ownCpuUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

function post(message: FromThread, handedOver: ArrayBuffer[] = []): void {
  parentPort!.postMessage(message, handedOver);
}

const start = workerData as ThreadStart | { readonly metronome: SharedArrayBuffer; readonly threadCount: number };
if ("threadCount" in start) runMetronome(start.metronome, start.threadCount);
else {
  const thread = new LoadThread(start);
  parentPort!.on("message", (message: ToThread) => {
    if (message.kind === "begin") thread.begin(message.startMs);
    else thread.finish();
  });
  thread.connect();
}
