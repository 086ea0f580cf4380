/**
 * An example of what a load run finds, simulated request by request from a
 * seed: an open loop at 1,000/s against a server that stalls for a second once.
 * For the tests of reports and of whatever else reads a LoadResult. Its figures
 * agree with each other, because all of them come from the same requests.
 */

import { BLOCKS_MIN } from "../../src/lab/load/block-intervals.ts";
import type { LoadPlan } from "../../src/lab/load/plan.ts";
import {
  type Distribution,
  type LoadResult,
  REPORTED_QUANTILES,
  type RequestSamples,
  type SecondPoint,
} from "../../src/lab/load/result.ts";
import type { ValueCounts } from "../../src/lab/load/value-counts.ts";

export interface ExampleOptions {
  readonly seconds?: number;
  readonly perSecond?: number;
  /** How long the server stalls, two fifths into the run; 0 for never. */
  readonly stallMs?: number;
  /** Every so many requests fail; 0 for none. */
  readonly failsEvery?: number;
  readonly plan?: Partial<LoadPlan>;
}

export const EXAMPLE_PLAN: LoadPlan = {
  target: { protocol: "http:", host: "127.0.0.1", port: 8080, path: "/order?currency=EUR" },
  method: "POST",
  headers: [
    ["content-type", "application/json"],
    ["authorization", "Bearer correct-horse"],
  ],
  body: { kind: "template", parts: ['{"id":', { fill: "sequence" }, ',"value":100}'] },
  arrivals: { kind: "constant", perSecond: 1_000 },
  durationMs: 20_000,
  requestMaxCount: null,
  warmUpMs: 2_000,
  connectionMaxCount: 64,
  threadCount: 1,
  keepsAlive: true,
  pipelining: 1,
  timeoutMs: 10_000,
  tls: { rejectsUnauthorized: true, ca: null, servername: null },
  checks: { statuses: [200], headers: [], bodyIncludes: ["total_final"], bodyMatches: [] },
  seed: 42,
  keepsSamples: true,
};

export function exampleResult(options: ExampleOptions = {}): LoadResult {
  const { seconds = 20, perSecond = 1_000, stallMs = 1_000, failsEvery = 500 } = options;
  const plan = { ...EXAMPLE_PLAN, arrivals: { kind: "constant", perSecond } as const, durationMs: seconds * 1_000, ...options.plan };
  const samples = simulate(seconds, perSecond, stallMs, failsEvery, plan.connectionMaxCount);
  const passed = samples.failed.reduce((count, failed) => count + (failed === 0 ? 1 : 0), 0);
  const count = samples.failed.length;
  const failedCount = count - passed;
  const refused = Math.floor(failedCount / 4);
  const latencyUs = samples.latencyUs.filter((_, index) => samples.failed[index] === 0);
  const uncorrected = distribution(samples.uncorrectedUs.filter((_, index) => samples.failed[index] === 0));
  return {
    plan,
    startedAt: "2026-11-21T09:00:00.000Z",
    durationMs: seconds * 1_000,
    interrupted: false,
    unfinishedCount: 0,
    drainMs: 0,
    latencyIntervals:
      seconds < BLOCKS_MIN
        ? []
        : REPORTED_QUANTILES.map((quantile) => ({ quantile, lowUs: 300 * quantile, highUs: 900_000 * quantile, confidence: 0.95 })),
    passedPerSecond: passed / seconds,
    lateCount: 0,
    behind: null,
    requestCount: count,
    failedCount,
    errors: failedCount === 0 ? {} : { check_status: failedCount - refused, refused },
    errorExamples:
      failedCount === 0
        ? {}
        : { check_status: "expected status 200, got 503 (body: <b>queue full</b>)", refused: "connect ECONNREFUSED 127.0.0.1:8080" },
    statuses: failedCount === 0 ? { "200": passed } : { "200": passed, "503": failedCount - refused },
    sentBytes: count * 141,
    receivedBytes: count * 187,
    connectionsOpened: 64,
    usersMaxCount: plan.connectionMaxCount,
    latency: distribution(latencyUs),
    latencyCounts: countsOf(latencyUs),
    uncorrected,
    phases: {
      blocked: distribution(samples.latencyUs.map((_, index) => 0.5 + (index % 7))),
      connecting: distribution(samples.latencyUs.map((_, index) => (index < 64 ? 180 + index : 0))),
      tls_handshaking: distribution(samples.latencyUs.map(() => 0)),
      sending: distribution(samples.latencyUs.map((_, index) => 3 + (index % 5))),
      waiting: distribution(samples.uncorrectedUs.map((us) => us * 0.94)),
      receiving: distribution(samples.uncorrectedUs.map((us) => us * 0.05)),
    },
    openedAhead: { count: 64, connectingUs: 64 * 211.5, tlsUs: 0 },
    perSecond: secondsOf(samples, seconds, perSecond),
    stall40ms: null,
    audit: {
      targetPerSecond: perSecond,
      achievedPerSecond: count / seconds,
      dueCount: count,
      droppedCount: 0,
      lateness: distribution(samples.latencyUs.map((_, index) => 20 + ((index * 37) % 400))),
      eventLoopLag: distribution(samples.latencyUs.map((_, index) => 80 + ((index * 53) % 900))),
      threadUtilization: 0.21,
      cpuUsPerRequest: 31.4,
      invalidBecause: [],
    },
    samples,
  };
}

interface Simulated extends RequestSamples {
  readonly uncorrectedUs: Float64Array;
  readonly failed: Uint8Array;
}

/** An ordinary server's answer times, and a second in which it gives none: what is due then waits for a free connection first. */
function simulate(seconds: number, perSecond: number, stallMs: number, failsEvery: number, connections: number): Simulated {
  const random = mulberry32(42);
  const count = seconds * perSecond;
  const stallFromUs = seconds * 1e6 * 0.4;
  const stallToUs = stallFromUs + stallMs * 1_000;
  const samples: Simulated = {
    startUs: new Float64Array(count),
    latencyUs: new Float64Array(count),
    uncorrectedUs: new Float64Array(count),
    status: new Uint16Array(count),
    failed: new Uint8Array(count),
  };
  let stalled = 0;
  for (let index = 0; index < count; index++) {
    const start = (index * 1e6) / perSecond;
    const service = Math.round(350 + 420 * Math.exp(0.75 * gaussian(random)) + (random() < 0.012 ? 3_000 + 9_000 * random() : 0));
    const stalls = stallMs > 0 && start >= stallFromUs && start < stallToUs;
    const wait = stalls ? stallToUs - start : 0;
    if (stalls) stalled++;
    const failed = failsEvery > 0 && index % failsEvery === failsEvery - 1;
    samples.startUs[index] = start;
    samples.latencyUs[index] = wait + service;
    samples.uncorrectedUs[index] = stalls && stalled <= connections ? wait + service : service;
    samples.failed[index] = failed ? 1 : 0;
    samples.status[index] = failed ? (index % (failsEvery * 4) === failsEvery - 1 ? 0 : 503) : 200;
  }
  return samples;
}

function secondsOf(samples: Simulated, seconds: number, perSecond: number): SecondPoint[] {
  return Array.from({ length: seconds }, (_, second) => {
    const due = Array.from(samples.startUs.keys()).filter((index) => {
      const end = (samples.startUs[index]! + samples.latencyUs[index]!) / 1e6;
      return Math.min(seconds - 1, Math.floor(end)) === second;
    });
    const passed = due.filter((index) => samples.failed[index] === 0);
    const latencies = distribution(Float64Array.from(passed, (index) => samples.latencyUs[index]!));
    const failedCount = due.length - passed.length;
    const { medianUs, p99Us } = latencies;
    return { second, targetCount: perSecond, completedCount: due.length, failedCount, latencyCount: passed.length, medianUs, p99Us };
  });
}

function countsOf(values: Float64Array): ValueCounts {
  const counts = new Map<number, number>();
  for (const value of values.toSorted()) counts.set(value, (counts.get(value) ?? 0) + 1);
  return Float64Array.from([...counts].flat());
}

export function distribution(values: Float64Array): Distribution {
  const sorted = values.toSorted();
  const count = sorted.length;
  const at = (q: number) => (count === 0 ? 0 : sorted[Math.min(count - 1, Math.max(0, Math.ceil(q * count) - 1))]!);
  const meanUs = count === 0 ? 0 : sorted.reduce((sum, us) => sum + us, 0) / count;
  const variance = count === 0 ? 0 : sorted.reduce((sum, us) => sum + (us - meanUs) ** 2, 0) / count;
  return {
    count,
    minUs: at(0),
    meanUs,
    standardDeviationUs: Math.sqrt(variance),
    medianUs: at(0.5),
    p90Us: at(0.9),
    p95Us: at(0.95),
    p99Us: at(0.99),
    p999Us: at(0.999),
    maxUs: at(1),
    censoredCount: 0,
    knownShare: 1,
    curve: count === 0 ? [] : curveQuantiles(count).map((quantile) => ({ quantile, us: at(quantile) })),
  };
}

/** As HdrHistogram iterates: so many steps to half of what is left, down to one sample. */
function curveQuantiles(count: number): number[] {
  const quantiles: number[] = [];
  const steps = 16;
  for (let rest = 1; rest * count >= 0.5; rest /= 2) {
    for (let step = 0; step < steps; step++) quantiles.push(1 - rest + (rest / 2) * (step / steps));
  }
  return [...quantiles, 1];
}

function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
