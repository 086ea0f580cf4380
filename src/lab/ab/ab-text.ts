/**
 * A comparison for people: every figure of both sides with its interval, the
 * one verdict, and whatever makes it less certain than it looks. Pure.
 */
import { table } from "../../base/table.ts";
import { printable } from "../../base/terminal.ts";
import { describeBytes } from "../../base/units.ts";
import { driftNotes } from "../../stats/drift.ts";
import { outlierNotes } from "../../stats/outliers.ts";
import { median } from "../../stats/quantile.ts";
import { quantileInterval } from "../../stats/quantile-interval.ts";
import type { NoiseNote } from "../noise/notes.ts";
import type { AbRun } from "./ab-result.ts";
import type { MetricComparison } from "./judge-ab.ts";
import { type Metric, metricOf } from "./metrics.ts";
import { type AbSamples, roundsForVerdict } from "./run-ab.ts";

export function describeAb(run: AbRun): string {
  const { samples, judgement, noise, labels, commands } = run;
  const { verdict, others } = judgement;
  const columns = ["", "A", "B", "B / A", "VERDICT"].map((title) => ({ title }));
  const named = (side: "a" | "b"): string => (labels[side] === side.toUpperCase() ? "" : `${printable(labels[side])}: `);
  return [
    `A  ${named("a")}${printable(commands.a)}`,
    `B  ${named("b")}${printable(commands.b)}`,
    `${run.request}, ${samples.order.length} fresh processes a side, in pairs, loaded in turn (seed ${run.seed}), ${(samples.elapsedMs / 1_000).toFixed(0)} s; ${STOPPED[samples.stoppedBy]}`,
    "",
    table(columns, [row(verdict), ...others.map(row)]),
    "median of the processes [its interval], or (least to greatest) of too few for one; B / A is that of a typical pair",
    ...betweenLines(samples),
    ...filePageLines(samples),
    "",
    ...invalidLines(run),
    verdictLine(run),
    ...sideNotes(verdict),
    "",
    ...noiseLines(noise),
  ].join("\n");
}

/** Work that is put off, to a timer or a thread, is done while the other side is loaded. */
function betweenLines({ a, b }: AbSamples): string[] {
  const [sharesA, sharesB] = [a, b].map((samples) => samples.map(({ cpuBetweenShare }) => cpuBetweenShare)) as [number[], number[]];
  if (![...sharesA, ...sharesB].every(Number.isFinite)) return [];
  return [`CPU time counted that was spent between a side's own slices: A ${percent(median(sharesA))}, B ${percent(median(sharesB))}`];
}

/** A server that runs the binary that we run too has half of its pages for nothing. */
function filePageLines({ a, b }: AbSamples): string[] {
  const [bytesA, bytesB] = [a, b].map((samples) => samples.map(({ filePssBytes }) => filePssBytes)) as [number[], number[]];
  if (![...bytesA, ...bytesB].every(Number.isFinite)) return [];
  const [shownA, shownB] = [describeBytes(median(bytesA)), describeBytes(median(bytesB))];
  return [`pages of files (PSS), not judged: A ${shownA}, B ${shownB}; they are divided among all that map them, this program too`];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}

const STOPPED = {
  precision: "the interval is narrow enough",
  rounds: "all rounds done",
  time: "the time is over",
  interruption: "INTERRUPTED: what was measured until then",
} as const;

const MORE_ROUNDS = "raise --max-time or --rounds, or lower --seconds and --warm-up";

function verdictLine({ samples, judgement, conditions }: AbRun): string {
  const { metric, judgement: judged, unjudgedBecause } = judgement.verdict;
  const { title } = metricOf(metric);
  if (unjudgedBecause !== null) return `${title}: NO VERDICT: ${unjudgedBecause}`;
  const [count, neededCount] = [samples.order.length, roundsForVerdict(conditions.alpha)];
  if (count < neededCount)
    return `${title}: NO VERDICT: ${count} ${count === 1 ? "round is" : "rounds are"} too few, ${neededCount} are needed; ${MORE_ROUNDS}`;
  return `${title}: ${judged.verdict.toUpperCase()}: ${judged.why}`;
}

function row({ metric, a, b, judgement, unjudgedBecause }: MetricComparison): string[] {
  const shown = metricOf(metric);
  const { ratio, interval } = judgement;
  const ratioText = ratio === null ? "-" : `${ratio.toFixed(3)} [${interval.low.toFixed(3)}-${interval.high.toFixed(3)}]`;
  const unjudged = unjudgedBecause === null ? "too few rounds" : "not judged";
  return [shown.title, spread(a, shown), spread(b, shown), ratioText, judgement.failure === null ? judgement.verdict : unjudged];
}

/** Median and its 95% interval; least and greatest, so marked, where there are too few values for one. */
export function spread(values: readonly number[], { show }: Pick<Metric, "show">): string {
  const known = values.filter(Number.isFinite).toSorted((one, other) => one - other);
  if (known.length === 0) return "unknown";
  const interval = quantileInterval(known, 0.5);
  if (interval.ok) return `${show(median(known))} [${show(interval.value.low)}-${show(interval.value.high)}]`;
  return `${show(median(known))} (${show(known[0]!)} to ${show(known.at(-1)!)})`;
}

/** Not the generator's own advice: its threads have one core here, and its flags are not ours. */
function invalidLines({ samples, judgement }: AbRun): string[] {
  const all = [...samples.a, ...samples.b];
  const doubted = all.filter(({ invalidBecause }) => invalidBecause.length > 0);
  const unjudged = judgement.others.filter(({ unjudgedBecause }) => unjudgedBecause !== null);
  const byReason = Map.groupBy(unjudged, ({ unjudgedBecause }) => unjudgedBecause);
  return [
    ...[...byReason].map(([because, those]) => `not judged: ${those.map(({ metric }) => metricOf(metric).title).join(", ")}: ${because}`),
    ...(doubted.length === 0
      ? []
      : [
          `On ${doubted.length} of ${all.length} processes the load generator was the bottleneck or was disturbed: requests/s and latency are its own there.`,
          "CPU per request and memory are the kernel's and stand. A quieter machine, or one with more cores, would tell the others.",
        ]),
    ...(unjudged.length + doubted.length > 0 ? [""] : []),
  ];
}

/** What makes the values less than independent draws of one level. */
function sideNotes({ metric, a, b, unjudgedBecause }: MetricComparison): string[] {
  if (unjudgedBecause !== null) return [];
  return [...notesOf("A", a), ...notesOf("B", b)].map((note) => `note: ${metricOf(metric).title} of ${note}`);
}

function notesOf(side: string, values: readonly number[]): string[] {
  return [...outlierNotes(values).notes, ...driftNotes(values).notes].map((note) => `${side}: ${note}`);
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
  const { verdict } = judgement;
  const { unjudgedBecause } = verdict;
  const { failure, interval, verdict: word } = verdict.judgement;
  if (unjudgedBecause !== null) return `A/A: ${unjudgedBecause}`;
  if (failure !== null) return "A/A: too few rounds to say how noisy this machine is";
  const least = Math.max(1 - interval.low, interval.high - 1);
  if (word === "improved" || word === "regressed")
    return `A/A: FALSE VERDICT: a command was found to differ from itself. Of sound runs a few in a hundred are, so repeat it; if it comes back, this machine is too noisy now for the minimum effect that was asked for`;
  return `A/A: no false verdict; differences below ${(least * 100).toFixed(1)}% can't be told from this machine's noise in so many rounds`;
}
