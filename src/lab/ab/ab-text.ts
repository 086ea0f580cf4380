/**
 * A comparison for people: every figure of both sides with its interval, the
 * one verdict, and whatever makes it less certain than it looks. Pure.
 */
import { table } from "../../base/table.ts";
import { median } from "../../stats/quantile.ts";
import { quantileInterval } from "../../stats/quantile-interval.ts";
import type { NoiseNote } from "../noise/notes.ts";
import type { AbRun } from "./ab-result.ts";
import type { MetricComparison } from "./judge-ab.ts";
import { type Metric, metricOf } from "./metrics.ts";

export function describeAb(run: AbRun): string {
  const { samples, judgement, noise, labels, commands } = run;
  const { verdict, others } = judgement;
  const columns = ["", "A", "B", "B / A", "VERDICT"].map((title) => ({ title }));
  return [
    `A  ${labels.a}: ${commands.a}`,
    `B  ${labels.b}: ${commands.b}`,
    `${run.request}, ${samples.order.length} fresh processes a side in random order (seed ${run.seed}), ${(samples.elapsedMs / 1_000).toFixed(0)} s; ${STOPPED[samples.stoppedBy]}`,
    "",
    table(columns, [row(verdict), ...others.map(row)]),
    "",
    ...invalidLines(run),
    `${metricOf(verdict.metric).title}: ${verdict.judgement.verdict.toUpperCase()}: ${verdict.judgement.why}`,
    "",
    ...noiseLines(noise),
  ].join("\n");
}

const STOPPED = {
  precision: "the intervals are narrow enough",
  rounds: "all rounds done",
  time: "the time is over",
  interruption: "INTERRUPTED: what was measured until then",
} as const;

function row({ metric, a, b, judgement }: MetricComparison): string[] {
  const shown = metricOf(metric);
  const { ratio, interval } = judgement;
  const ratioText = ratio === null ? "" : `${ratio.toFixed(3)} [${interval.low.toFixed(3)}-${interval.high.toFixed(3)}]`;
  return [shown.title, spread(a, shown), spread(b, shown), ratioText, judgement.failure === null ? judgement.verdict : "too few samples"];
}

/** Median and its 95% interval; least and greatest, so marked, where there are too few values for one. */
export function spread(values: readonly number[], { show }: Pick<Metric, "show">): string {
  const known = values.filter(Number.isFinite).toSorted((one, other) => one - other);
  if (known.length === 0) return "too few requests";
  const interval = quantileInterval(known, 0.5);
  if (interval.ok) return `${show(median(known))} [${show(interval.value.low)}-${show(interval.value.high)}]`;
  return `${show(median(known))} (${show(known[0]!)} to ${show(known.at(-1)!)})`;
}

function invalidLines({ samples }: AbRun): string[] {
  const all = [...samples.a, ...samples.b];
  const doubted = all.filter(({ invalidBecause }) => invalidBecause.length > 0);
  if (doubted.length === 0) return [];
  return [
    `On ${doubted.length} of ${all.length} processes the load generator doubts requests/s and latency: ${doubted[0]!.invalidBecause[0]}`,
    "CPU per request and memory are the kernel's and stand.",
    "",
  ];
}

/** What is unstable or unknown, in every report. */
export function noiseLines(noise: readonly NoiseNote[]): string[] {
  const unknown = noise.filter(({ state }) => state === "unknown").map(({ name }) => name);
  return [
    ...noise.filter(({ state }) => state === "unstable").map(({ name, text }) => `unstable  ${name}: ${text}`),
    ...(unknown.length > 0 ? [`unknown   ${unknown.join(", ")}`] : []),
  ];
}

/** What a comparison of a command with itself says about the machine. */
export function describeAa({ judgement }: AbRun): string {
  const { verdict, failure, interval } = judgement.verdict.judgement;
  if (failure !== null) return "A/A: too few samples to say how noisy this machine is";
  const least = Math.max(1 - interval.low, interval.high - 1);
  if (verdict === "improved" || verdict === "regressed")
    return `A/A: a command differs from itself by a "${verdict}": this machine is too noisy now for the minimum effect that was asked for`;
  return `A/A: no false verdict; differences below ${(least * 100).toFixed(1)}% would drown in this machine's noise`;
}
