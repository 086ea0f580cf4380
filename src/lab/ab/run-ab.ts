/**
 * A comparison, run: fresh processes of both sides in random order, until the
 * figures are narrow enough, the rounds are done or the time is over.
 * It stops by the width of intervals, never by a p-value: stopping as soon as
 * a difference looks significant finds differences where there are none.
 */
import { fail, ok, type Result } from "../../base/result.ts";
import { createRandom } from "../../stats/random.ts";
import { isPreciseEnough } from "../../stats/stopping.ts";
import { measureProcess, type Tools } from "./measure.ts";
import { metricOf } from "./metrics.ts";
import type { AbPlan, ProcessSample } from "./plan.ts";
import { rounds, type Side } from "./schedule.ts";

/** Fewer say nothing that a verdict could rest on (stats/bootstrap.ts). */
export const ROUND_MIN_COUNT = 5;

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
  readonly side: Side;
  readonly elapsedMs: number;
}

export async function runAb(plan: AbPlan, tools: Tools, onProgress?: (progress: AbProgress) => void): Promise<Result<AbSamples>> {
  const startMs = performance.now();
  const samples: Record<Side, ProcessSample[]> = { a: [], b: [] };
  const done: string[] = [];
  const order = rounds(createRandom(plan.seed));
  const finish = (stoppedBy: AbSamples["stoppedBy"]): Result<AbSamples> => {
    const whole = { a: samples.a.slice(0, done.length), b: samples.b.slice(0, done.length) };
    return ok({ ...whole, order: done, stoppedBy, elapsedMs: performance.now() - startMs });
  };
  for (let longestMs = 0; done.length < plan.roundMaxCount; ) {
    const roundStartMs = performance.now();
    if (roundStartMs - startMs + longestMs > plan.maxMs && done.length > 0) return finish("time");
    const pair = order.next().value;
    for (const side of pair) {
      onProgress?.({ round: done.length + 1, roundMaxCount: plan.roundMaxCount, side, elapsedMs: performance.now() - startMs });
      const measured = await measureProcess(plan[side], plan.measuring, tools);
      if (!measured.ok && tools.signal?.aborted) return done.length > 0 ? finish("interruption") : fail(INTERRUPTED);
      if (!measured.ok) return measured;
      samples[side].push(measured.value);
    }
    done.push(pair.join(""));
    longestMs = Math.max(longestMs, performance.now() - roundStartMs);
    if (isPrecise(samples, plan)) return finish("precision");
  }
  return finish("rounds");
}

function isPrecise({ a, b }: Record<Side, ProcessSample[]>, { metric, minimumEffect }: AbPlan): boolean {
  const chosen = metricOf(metric);
  const rule = { relativeWidth: minimumEffect, minimumCount: ROUND_MIN_COUNT };
  return [a, b].every((side) => isPreciseEnough(side.map(chosen.valueOf), rule).enough);
}
