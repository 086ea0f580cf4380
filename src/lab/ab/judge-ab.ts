/**
 * One verdict: B against A, round by round, on the metric that was chosen
 * before. The others stand beside it, corrected together (Holm), so that
 * looking at six figures doesn't find a difference six times as often. A figure
 * that some process doesn't have, or that the load generator disowns, is not
 * judged, and why is said.
 */
import { type Judgement, judge, judgeSuite } from "../../stats/verdict.ts";
import { DOUBTED_SHARE_MAX } from "../results/doubts.ts";
import { metricOf } from "./metrics.ts";
import { type AbPlan, METRICS, type MetricName, type ProcessSample } from "./plan.ts";
import type { AbSamples } from "./run-ab.ts";
import { edgeProblem } from "./slice-length.ts";

export interface MetricComparison {
  readonly metric: MetricName;
  /** In the order measured. */
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly judgement: Judgement;
  /** Why it can't be judged, as a sentence; null when it can, or when there are only too few rounds. */
  readonly unjudgedBecause: string | null;
}

export interface AbJudgement {
  readonly verdict: MetricComparison;
  readonly others: readonly MetricComparison[];
}

export type JudgingOptions = Pick<AbPlan, "metric" | "minimumEffect" | "alpha" | "seed">;

export function judgeAb({ a, b }: Pick<AbSamples, "a" | "b">, { metric, ...options }: JudgingOptions): AbJudgement {
  const compare = (name: MetricName): Omit<MetricComparison, "judgement"> => {
    const one = metricOf(name);
    return { metric: name, a: a.map(one.valueOf), b: b.map(one.valueOf), unjudgedBecause: problemOf(name, [...a, ...b]) };
  };
  const chosen = compare(metric);
  const others = METRICS.filter((name) => name !== metric).map(compare);
  const judged = judgeSuite(
    others.filter(isJudged).map((one) => ({ ...one, name: one.metric, better: metricOf(one.metric).better })),
    { ...options, isPaired: true },
  );
  const judgements = new Map(judged.map(({ name, judgement }) => [name, judgement]));
  const verdict = isJudged(chosen)
    ? judge(chosen.a, chosen.b, { ...options, isPaired: true, better: metricOf(metric).better })
    : unjudged(chosen.unjudgedBecause!);
  return {
    verdict: { ...chosen, judgement: verdict },
    others: others.map((one) => ({ ...one, judgement: judgements.get(one.metric) ?? unjudged(one.unjudgedBecause!) })),
  };
}

function isJudged({ unjudgedBecause }: Omit<MetricComparison, "judgement">): boolean {
  return unjudgedBecause === null;
}

function unjudged(why: string): Judgement {
  const failure = { code: "AB_UNJUDGED", message: why };
  return { failure, verdict: "inconclusive", ratio: null, interval: null, p: null, cliffsDelta: null, why };
}

/** Of the generator's making: when it was the bottleneck these are its own figures. */
const OF_THE_LOAD: readonly MetricName[] = ["rps", "p50", "p99"];

function problemOf(name: MetricName, samples: readonly ProcessSample[]): string | null {
  const lost = name === "cpu" ? samples.find(({ cpuUnknownBecause }) => cpuUnknownBecause !== null) : undefined;
  if (lost !== undefined) return `CPU time is not known: ${lost.cpuUnknownBecause}`;
  const ofTheLoad = OF_THE_LOAD.includes(name) ? problemOfTheLoad(samples) : null;
  if (ofTheLoad !== null) return ofTheLoad;
  const unknownCount = samples.filter((sample) => !Number.isFinite(metricOf(name).valueOf(sample))).length;
  return unknownCount === 0
    ? null
    : `${unknownCount} of ${samples.length} processes don't tell: ${UNTOLD[name] ?? "it could not be measured"}`;
}

function problemOfTheLoad(samples: readonly ProcessSample[]): string | null {
  const doubted = samples.filter(({ invalidBecause }) => invalidBecause.length > 0);
  return doubted.length > samples.length * DOUBTED_SHARE_MAX
    ? `the load generator disowns its own figures on ${doubted.length} of ${samples.length} processes`
    : edgeProblem(samples);
}

const UNTOLD: Readonly<Partial<Record<MetricName, string>>> = {
  p99: "too few requests for a 99th percentile; raise --seconds",
  memory: "the kernel doesn't say what is theirs (smaps_rollup)",
};
