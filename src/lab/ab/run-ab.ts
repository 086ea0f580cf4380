/**
 * A comparison, run: pairs of fresh processes in random order, until the ratio
 * is known narrowly enough, the rounds are done or the time is over.
 * It stops by the width of intervals, never by a p-value: stopping as soon as
 * a difference looks significant finds differences where there are none.
 */
import { type Failure, fail, ok, type Result } from "../../base/result.ts";
import { formatDuration } from "../../base/units.ts";
import { createRandom } from "../../stats/random.ts";
import { pairsForInterval, signedRank } from "../../stats/signed-rank.ts";
import type { Tools } from "./measure.ts";
import { measurePair } from "./measure-pair.ts";
import { metricOf } from "./metrics.ts";
import type { AbPlan, ProcessSample } from "./plan.ts";
import { rounds, type Side } from "./schedule.ts";

/** Fewer say nothing that a verdict could rest on (stats/signed-rank.ts). */
export function roundsForVerdict(alpha: number): number {
  return pairsForInterval(1 - alpha);
}

/** What setTimeout can wait for. */
const TIMER_MAX_MS = 2 ** 31 - 1;

const INTERRUPTED = { code: "AB_INTERRUPTED", message: "Interrupted before the first round was done: there is nothing to show" };

export interface AbSamples {
  /** In the order measured. */
  readonly a: readonly ProcessSample[];
  readonly b: readonly ProcessSample[];
  /** "ab" or "ba" for each round. */
  readonly order: readonly string[];
  readonly stoppedBy: "precision" | "rounds" | "time" | "interruption";
  readonly elapsedMs: number;
}

export interface AbProgress {
  readonly round: number;
  readonly roundMaxCount: number;
  readonly elapsedMs: number;
}

export async function runAb(plan: AbPlan, tools: Tools, onProgress?: (progress: AbProgress) => void): Promise<Result<AbSamples>> {
  const startMs = performance.now();
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), Math.min(plan.maxMs, TIMER_MAX_MS));
  const signal = AbortSignal.any([deadline.signal, ...(tools.signal === undefined ? [] : [tools.signal])]);
  try {
    const isInterrupted = (): boolean => tools.signal?.aborted ?? false;
    return await runRounds(plan, { ...tools, signal, isInterrupted }, startMs, onProgress);
  } finally {
    clearTimeout(timer);
  }
}

/** Its signal ends the round that is under way, for whatever reason. */
interface RoundTools extends Tools {
  readonly signal: AbortSignal;
  /** By the user, not by the time. */
  isInterrupted(): boolean;
}

async function runRounds(
  plan: AbPlan,
  tools: RoundTools,
  startMs: number,
  onProgress?: (progress: AbProgress) => void,
): Promise<Result<AbSamples>> {
  const samples: Record<Side, ProcessSample[]> = { a: [], b: [] };
  const done: string[] = [];
  const order = rounds(createRandom(plan.seed));
  const finish = (stoppedBy: AbSamples["stoppedBy"]): Result<AbSamples> => {
    return ok({ ...samples, order: done, stoppedBy, elapsedMs: performance.now() - startMs });
  };
  for (let longestMs = 0; done.length < plan.roundMaxCount; ) {
    const roundStartMs = performance.now();
    if (roundStartMs - startMs + longestMs > plan.maxMs && done.length > 0) return finish("time");
    const pair = order.next().value;
    onProgress?.({ round: done.length + 1, roundMaxCount: plan.roundMaxCount, elapsedMs: performance.now() - startMs });
    const measured = await measurePair(plan, pair, tools);
    if (!measured.ok && tools.signal.aborted) {
      if (done.length > 0) return finish(tools.isInterrupted() ? "interruption" : "time");
      return fail(tools.isInterrupted() ? INTERRUPTED : noTime(plan));
    }
    if (!measured.ok) return measured;
    samples.a.push(measured.value.a);
    samples.b.push(measured.value.b);
    done.push(pair.join(""));
    longestMs = Math.max(longestMs, performance.now() - roundStartMs);
    if (isPrecise(samples, plan)) return finish("precision");
  }
  return finish("rounds");
}

function noTime({ maxMs }: AbPlan): Failure {
  const message = `The first round was not done within ${formatDuration(maxMs)}: there is nothing to show`;
  return { code: "AB_NO_TIME", message, hint: "Raise --max-time, or lower --warm-up and --seconds" };
}

/** The whole interval of the ratio is narrower than the difference that would matter. */
function isPrecise({ a, b }: Record<Side, ProcessSample[]>, { metric, minimumEffect, alpha }: AbPlan): boolean {
  const chosen = metricOf(metric);
  const ranks = signedRank(
    a.map((sample, index) => Math.log(chosen.valueOf(b[index]!) / chosen.valueOf(sample))),
    1 - alpha,
  );
  return ranks.ok && ranks.value.interval.high - ranks.value.interval.low <= Math.log1p(minimumEffect);
}
