/**
 * A fresh process, measured: boot, warm-up, load, end.
 * CPU per request is the kernel's account of the whole process tree from the
 * first measured slice to the end of the last, divided by the requests that were
 * answered rightly.
 */
import { type Failure, fail, ok, type Result } from "../../base/result.ts";
import type { LoadPlan } from "../load/plan.ts";
import type { LoadResult } from "../load/result.ts";
import type { LoadHooks } from "../load/run-load.ts";
import { addCounts, countOf, quantileOfCounts } from "../load/value-counts.ts";
import type { Pinning } from "./cores.ts";
import { CpuAccount } from "./cpu-account.ts";
import type { Measuring, ProcessSample, Subject } from "./plan.ts";
import type { ProcessGroup } from "./process-group.ts";
import { type Memory, membersOf, memoryOf } from "./processes.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { SliceCpu } from "./slice-cpu.ts";

export type RunLoad = (plan: LoadPlan, hooks: Omit<LoadHooks, "onProgress">) => Promise<Result<LoadResult>>;

export interface Tools {
  readonly runLoad: RunLoad;
  readonly pinning: Pinning;
  readonly signal?: AbortSignal | undefined;
  /** Told when a process is about to be ended: CPU time of its tree. */
  onSpent?(us: number): void;
}

/** Short enough to see when it stops falling, long against the opening of connections. */
const SLICE_MS = 500;
const WARM_UP_SLICE_MIN_MS = 50;
const WARM_UP_MIN_SLICES = 3;
/** Warm once a slice is no longer this much cheaper than the cheapest before it. */
const STILL_FALLING_RATIO = 0.97;
/** Of all slices together. Ten values above a p99 are the least that makes it more than an accident. */
const P99_REQUEST_MIN_COUNT = 1_000;
const US_PER_MS = 1_000;

interface Slice {
  readonly cpuUs: number;
  readonly result: LoadResult;
}

/** A fresh process that answers; whoever opened it stops it, whatever happens. */
export class MeasuredServer {
  readonly #server: ServerUnderTest;
  readonly #subject: Subject;
  readonly #measuring: Measuring;
  readonly #tools: Tools;
  readonly #results: LoadResult[] = [];
  readonly #cpu: CpuAccount;
  readonly #measuredCpu: SliceCpu;
  #warmUpMs = 0;
  #latencyMs: number | null = null;

  private constructor(server: ServerUnderTest, subject: Subject, measuring: Measuring, tools: Tools) {
    this.#server = server;
    this.#cpu = CpuAccount.of(server.group);
    this.#measuredCpu = this.#newSliceCpu();
    this.#subject = subject;
    this.#measuring = measuring;
    this.#tools = tools;
  }

  static async open(subject: Subject, measuring: Measuring, tools: Tools): Promise<Result<MeasuredServer>> {
    const { pinning, signal } = tools;
    const started = await startServer(subject, measuring.load, { pinning, timeoutMs: measuring.startTimeoutMs, signal });
    return started.ok ? ok(new MeasuredServer(started.value, subject, measuring, tools)) : started;
  }

  async warmUp(): Promise<Result<null>> {
    const startMs = performance.now();
    const warm = await warmUp((durationMs) => this.#run(durationMs, this.#newSliceCpu(), true), this.#measuring);
    this.#warmUpMs = performance.now() - startMs;
    if (!warm.ok) return warm;
    this.#latencyMs = warm.value;
    return ok(null);
  }

  /** Median under load at the end of the warm-up; null without one. */
  get latencyMs(): number | null {
    return this.#latencyMs;
  }

  /** Load for so long, added to what was measured before. */
  async measure(durationMs: number): Promise<Result<null>> {
    const measured = await this.#run(durationMs, this.#measuredCpu, false);
    if (!measured.ok) return measured;
    this.#results.push(measured.value.result);
    return ok(null);
  }

  /** What all its slices came to, and what it did since the last. */
  sample(): ProcessSample {
    const { group, bootMs } = this.#server;
    this.#measuredCpu.close();
    const { lostBecause } = this.#cpu;
    const cpu = { lostBecause, totalUs: this.#measuredCpu.totalUs, betweenShare: this.#measuredCpu.betweenShare };
    return sampleOf(this.#results, { bootMs, warmUpMs: this.#warmUpMs, memory: memoryOf(membersOf(group)), cpu });
  }

  /** Null when nothing of it is left. */
  async stop(): Promise<Failure | null> {
    this.#tools.onSpent?.(this.#cpu.readUs());
    if (await this.#server.group.stop()) return null;
    const message = `${this.#subject.label} left processes that even SIGKILL did not end`;
    return { code: "AB_NOT_ENDED", message, hint: `Look for them by: ps -g ${this.#server.group.pid}` };
  }

  #run(durationMs: number, cpu: SliceCpu, isWarmUp: boolean): Promise<Result<Slice>> {
    const { group, load } = this.#server;
    return slice(group, cpu, { ...load, durationMs }, isWarmUp, this.#subject, this.#tools);
  }

  #newSliceCpu(): SliceCpu {
    return new SliceCpu(() => this.#cpu.readUs());
  }
}

/** One process alone. One run, not several: opening connections is no part of a request. */
export async function measureProcess(subject: Subject, measuring: Measuring, tools: Tools): Promise<Result<ProcessSample>> {
  const opened = await MeasuredServer.open(subject, measuring, tools);
  if (!opened.ok) return opened;
  const server = opened.value;
  let measured: Result<ProcessSample>;
  let left: Failure | null = null;
  try {
    const warm = await server.warmUp();
    const ran = warm.ok ? await server.measure(measuring.measuredMs) : warm;
    measured = ran.ok ? ok(server.sample()) : ran;
  } finally {
    left = await server.stop();
  }
  return measured.ok && left !== null ? fail(left) : measured;
}

/**
 * Until V8 (or whoever compiles while running) has compiled what is hot, in
 * every process. A fixed time would count compiling as the price of a request:
 * 22 us in a function's first second, 15 in the fifth. Gives the median latency
 * of its last slice.
 */
async function warmUp(
  run: (durationMs: number) => Promise<Result<Slice>>,
  { warmUpMaxMs, warmUpMinMs = 0 }: Measuring,
): Promise<Result<number | null>> {
  const costs: number[] = [];
  let latencyMs: number | null = null;
  const startMs = performance.now();
  // By the clock: opening connections takes its time too, and counts.
  for (let spentMs = 0; spentMs < warmUpMaxMs; spentMs = performance.now() - startMs) {
    const one = await run(Math.min(SLICE_MS, Math.max(WARM_UP_SLICE_MIN_MS, warmUpMaxMs - spentMs)));
    if (!one.ok) return one;
    costs.push(one.value.cpuUs / one.value.result.requestCount);
    latencyMs = one.value.result.latency.medianUs / US_PER_MS;
    if (costs.length * SLICE_MS >= warmUpMinMs && isWarm(costs)) break;
  }
  return ok(latencyMs);
}

/** Two slices in a row that are no cheaper: one alone may have been disturbed. */
export function isWarm(costs: readonly number[]): boolean {
  if (costs.length < WARM_UP_MIN_SLICES + 1) return false;
  const cheapestBefore = Math.min(...costs.slice(0, -2));
  return costs.slice(-2).every((cost) => cost > cheapestBefore * STILL_FALLING_RATIO);
}

async function slice(
  group: ProcessGroup,
  cpu: SliceCpu,
  load: LoadPlan,
  isWarmUp: boolean,
  { label }: Subject,
  { runLoad, signal }: Tools,
): Promise<Result<Slice>> {
  cpu.open();
  const ran = await runLoad({ ...load, warmUpMs: 0 }, { onConnected: () => cpu.begin(), ...(signal && { signal }) });
  const cpuUs = cpu.end();
  if (!ran.ok) return ran;
  const wrong = wrongWithRun(ran.value, group, label, isWarmUp);
  return wrong === null ? ok({ cpuUs, result: ran.value }) : fail(wrong);
}

/** A failed answer is no fast one: a run with failures is no measurement. A server that warms up may refuse some. */
function wrongWithRun(
  { requestCount, failedCount, errorExamples, interrupted }: LoadResult,
  group: ProcessGroup,
  label: string,
  isWarmUp: boolean,
): Failure | null {
  if (interrupted) return { code: "AB_INTERRUPTED", message: `Measuring ${label} was interrupted` };
  const exit = group.exit();
  const words = group.lastWords() === "" ? "" : `; its last words: ${group.lastWords()}`;
  if (exit !== null) return { code: "AB_SERVER_DIED", message: `${label} ${exit} under load${words}`, hint: "Look for what it can't bear" };
  if (failedCount > (isWarmUp ? requestCount - 1 : 0)) {
    const [example] = Object.values(errorExamples);
    const message = `${label} failed ${failedCount} of ${requestCount} requests${example === undefined ? "" : `: ${example}`}${words}`;
    return { code: "AB_WRONG_ANSWERS", message, hint: "Fewer --connections, or a server that answers all of them" };
  }
  if (requestCount === 0) {
    return {
      code: "AB_NO_ANSWERS",
      message: `${label} answered no request in time${words}`,
      hint: "Raise --seconds above the time of one answer",
    };
  }
  return null;
}

interface Process {
  readonly bootMs: number;
  readonly warmUpMs: number;
  readonly memory: Memory;
  readonly cpu: { readonly lostBecause: string | null; readonly totalUs: number; readonly betweenShare: number };
}

function sampleOf(results: readonly LoadResult[], { bootMs, warmUpMs, memory, cpu }: Process): ProcessSample {
  const sum = (of: (result: LoadResult) => number): number => results.reduce((total, one) => total + of(one), 0);
  const requestCount = sum((result) => result.requestCount);
  const measuredMs = sum(({ durationMs }) => durationMs);
  const latency = results.map(({ latencyCounts }) => latencyCounts).reduce(addCounts);
  const doubted = results.filter(({ audit }) => audit.invalidBecause.length > 0);
  return {
    bootMs,
    cpuUsPerRequest: cpu.lostBecause === null ? cpu.totalUs / requestCount : Number.NaN,
    cpuBetweenShare: cpu.lostBecause === null ? cpu.betweenShare : Number.NaN,
    cpuUnknownBecause: cpu.lostBecause,
    // Of what was answered within the time: what is still under way at its end is waited for, and longer than a slice.
    requestsPerSecond: sum(({ audit, durationMs }) => audit.achievedPerSecond * durationMs) / measuredMs,
    p50Us: quantileOfCounts(latency, 0.5),
    // Of all slices at once: a typical slice's p99 knows nothing of a stall that only one of them had.
    p99Us: countOf(latency) < P99_REQUEST_MIN_COUNT ? Number.NaN : quantileOfCounts(latency, 0.99),
    rssBytes: memory.rssBytes,
    ownPssBytes: memory.ownPssBytes ?? Number.NaN,
    filePssBytes: memory.filePssBytes ?? Number.NaN,
    requestCount,
    receivedBytes: sum(({ receivedBytes }) => receivedBytes),
    measuredMs,
    sliceMs: measuredMs / results.length,
    warmUpMs,
    // Medians bear with a few disturbed slices.
    invalidBecause: doubted.length * 2 < results.length ? [] : [...new Set(doubted.flatMap(({ audit }) => audit.invalidBecause))],
  };
}
