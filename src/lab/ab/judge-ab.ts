/**
 * One verdict: B against A, round by round, on the metric that was chosen before. The others
 * stand beside it, corrected together (Holm), so that looking at six figures
 * doesn't find a difference six times as often.
 */
import { type Judgement, judge, judgeSuite } from "../../stats/verdict.ts";
import { type Metric, metricOf } from "./metrics.ts";
import { type AbPlan, METRICS, type MetricName, type ProcessSample } from "./plan.ts";
import type { AbSamples } from "./run-ab.ts";

export interface MetricComparison {
  readonly metric: MetricName;
  /** In the order measured. */
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly judgement: Judgement;
}

export interface AbJudgement {
  readonly verdict: MetricComparison;
  readonly others: readonly MetricComparison[];
}

export type JudgingOptions = Pick<AbPlan, "metric" | "minimumEffect" | "alpha" | "seed">;

export function judgeAb({ a, b }: Pick<AbSamples, "a" | "b">, { metric, ...options }: JudgingOptions): AbJudgement {
  const valuesOf = (samples: readonly ProcessSample[], one: Metric): number[] => samples.map(one.valueOf);
  const chosen = metricOf(metric);
  const [valuesA, valuesB] = [valuesOf(a, chosen), valuesOf(b, chosen)];
  const rest = METRICS.filter((name) => name !== metric).map(metricOf);
  const suite = judgeSuite(
    rest.map((one) => ({ name: one.name, a: valuesOf(a, one), b: valuesOf(b, one), better: one.better })),
    { ...options, isPaired: true },
  );
  return {
    verdict: { metric, a: valuesA, b: valuesB, judgement: judge(valuesA, valuesB, { ...options, isPaired: true, better: chosen.better }) },
    others: suite.map(({ judgement }, at) => ({
      metric: rest[at]!.name,
      a: valuesOf(a, rest[at]!),
      b: valuesOf(b, rest[at]!),
      judgement,
    })),
  };
}
