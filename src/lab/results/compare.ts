/**
 * Two stored runs, benchmark by benchmark. They were not interleaved: whatever
 * changed on the machine between them is in every difference, and no test of
 * samples can tell it from the servers'. So there are verdicts only where both
 * runs have the same side A, on the ratios to it, corrected over the whole suite
 * (Holm); else the difference alone, and why it proves nothing. Pure.
 */
import { median } from "../../stats/quantile.ts";
import { type Judgement, type JudgeOptions, judgeSuite, type Verdict } from "../../stats/verdict.ts";
import { haveSameSideA, isOfSideA, ratiosToSideA } from "./common-side.ts";
import { doubtOf } from "./doubts.ts";
import { differences, machineDifferences, partialBecause } from "./identity.ts";
import type { BenchmarkResult, MetricField, ReadReport } from "./schema.ts";

export const RATIO_TO_SIDE_A = "ratio_to_side_a";

export interface ComparedBenchmark {
  readonly name: string;
  /** The figure shown: a median, the throughput, or what the rounds gave against side A. */
  readonly field: MetricField | typeof RATIO_TO_SIDE_A;
  /** With samples, their medians. */
  readonly a: number;
  readonly b: number;
  /** b / a of these; null when a is zero. */
  readonly ratio: number | null;
  readonly judgement: Judgement | null;
  /** A phrase; null when there is a judgement. */
  readonly unjudgedBecause: string | null;
}

export interface Comparison {
  /** Both have the same side A: it is the measure of what is compared, and not compared itself. */
  readonly hasCommonSide: boolean;
  readonly benchmarks: readonly ComparedBenchmark[];
  /** One for each benchmark that was to be compared. */
  readonly verdicts: readonly Verdict[];
  readonly onlyInA: readonly string[];
  readonly onlyInB: readonly string[];
  /** One sentence each: what makes the two hard to compare. */
  readonly warnings: readonly string[];
}

export type CompareOptions = Omit<JudgeOptions, "better">;

interface Pair {
  readonly name: string;
  readonly field: MetricField;
  readonly a: BenchmarkResult;
  readonly b: BenchmarkResult;
  /** Known ones only; null where the file has none. */
  readonly samplesA: readonly number[] | null;
  readonly samplesB: readonly number[] | null;
  /** Why one of the two must not be judged; null when nothing is said against either. */
  readonly doubt: string | null;
}

export function compareReports(a: ReadReport, b: ReadReport, options: CompareOptions): Comparison {
  const hasCommonSide = haveSameSideA(a.report, b.report);
  const pairs = pairsOf(a, b);
  const benchmarks = hasCommonSide ? judgeAgainstSideA(pairs, a, b, options) : pairs.map((pair) => unjudged(pair, "not interleaved"));
  const compared = new Set(pairs.map(({ name }) => name));
  const rest = ({ report }: ReadReport): string[] => report.results.map(({ name }) => name).filter((name) => !compared.has(name));
  const isMeasure = (one: ComparedBenchmark): boolean => hasCommonSide && isOfSideA(one);
  return {
    hasCommonSide,
    benchmarks,
    verdicts: benchmarks.filter((one) => !isMeasure(one)).map(({ judgement }) => judgement?.verdict ?? "inconclusive"),
    onlyInA: rest(a),
    onlyInB: rest(b),
    warnings: [
      ...(hasCommonSide || pairs.length === 0 ? [] : [NOT_INTERLEAVED]),
      ...machineWarnings(a, b),
      ...subjectWarnings(pairs),
      ...partialWarnings(a, b),
      ...contradictions(pairs),
    ],
  };
}

const NOT_INTERLEAVED =
  "the two runs were not interleaved: a difference may be the machine's, which was another one then, and there are no verdicts; " +
  "measure both in one run of `bench ab`, or give both runs the same --a to be compared by";

function judgeAgainstSideA(pairs: readonly Pair[], a: ReadReport, b: ReadReport, options: CompareOptions): ComparedBenchmark[] {
  const judgeable = pairs.flatMap((pair) => {
    const [ratiosA, ratiosB] = [ratiosToSideA(a, pair.name), ratiosToSideA(b, pair.name)];
    if (pair.doubt !== null || ratiosA === null || ratiosB === null) return [];
    return [{ name: pair.name, a: ratiosA, b: ratiosB, better: isRate(pair.field) ? ("higher" as const) : ("lower" as const) }];
  });
  const judgements = new Map(judgeSuite(judgeable, options).map(({ name, judgement }) => [name, judgement]));
  const ratios = new Map(judgeable.map((one) => [one.name, one]));
  return pairs.map((pair) => {
    const { name } = pair;
    const judged = ratios.get(name);
    if (judged === undefined) return unjudged(pair, isOfSideA(pair) ? "the common side" : "no samples");
    const [ratioA, ratioB] = [median(judged.a), median(judged.b)];
    const figures = { a: ratioA, b: ratioB, ratio: ratioA === 0 ? null : ratioB / ratioA };
    return { name, field: RATIO_TO_SIDE_A, ...figures, judgement: judgements.get(name)!, unjudgedBecause: null };
  });
}

/** Both columns and the ratio are of one statistic: medians of the samples where both sides have some, else the stored figures. */
function unjudged({ name, field, a, b, samplesA, samplesB, doubt }: Pair, because: string): ComparedBenchmark {
  const hasSamples = samplesA !== null && samplesB !== null;
  const [figureA, figureB] = hasSamples ? [median(samplesA), median(samplesB)] : [a.metrics[field]!, b.metrics[field]!];
  const ratio = figureA === 0 ? null : figureB / figureA;
  return { name, field, a: figureA, b: figureB, ratio, judgement: null, unjudgedBecause: doubt ?? because };
}

function pairsOf(a: ReadReport, b: ReadReport): Pair[] {
  const ofB = new Map(b.report.results.map((result) => [result.name, result]));
  return a.report.results.flatMap((one) => {
    const other = ofB.get(one.name);
    const field = other === undefined ? null : headline(one, other);
    if (field === null) return [];
    const { name } = one;
    const doubt = doubtOf(a.report, one) ?? doubtOf(b.report, other!);
    return [{ name, field, a: one, b: other!, samplesA: knownSamples(a, name), samplesB: knownSamples(b, name), doubt }];
  });
}

function knownSamples({ samples }: ReadReport, name: string): readonly number[] | null {
  const known = samples.get(name)?.filter(Number.isFinite) ?? [];
  return known.length === 0 ? null : known;
}

const HEADLINES: readonly MetricField[] = [
  ...(["median_ns", "messages_per_sec", "bytes_per_sec", "median_bytes"] as const),
  ...(["mean_ns", "mean_bytes", "p99_ns", "min_ns", "max_ns"] as const),
];

/** The first figure that all the given results have. */
export function headline(...results: readonly BenchmarkResult[]): MetricField | null {
  return HEADLINES.find((field) => results.every(({ metrics }) => metrics[field] !== undefined)) ?? null;
}

function isRate(field: MetricField): boolean {
  return field === "messages_per_sec" || field === "bytes_per_sec";
}

function machineWarnings({ report: a }: ReadReport, { report: b }: ReadReport): string[] {
  const differing = machineDifferences(a, b);
  if (differing === null) return ["one of the results doesn't say on which machine it was measured"];
  return differing.length === 0
    ? []
    : [`the results come from different machines (${differing.join(", ")}): a difference may be the machine's`];
}

function subjectWarnings(pairs: readonly Pair[]): string[] {
  const namesByDifference = Map.groupBy(pairs, ({ a, b }) => differences(a, b).join(", "));
  return [...namesByDifference].flatMap(([differing, those]) =>
    differing === "" ? [] : [`${those.map(({ name }) => name).join(", ")}: A and B differ in their ${differing}`],
  );
}

function partialWarnings(a: ReadReport, b: ReadReport): string[] {
  const sides = [["A", a] as const, ["B", b] as const];
  return sides.flatMap(([side, { report }]) => {
    const because = new Set(report.results.flatMap((result) => partialBecause(result) ?? []));
    return [...because].map((text) => `${side} is no whole run: ${text}`);
  });
}

/** Stored medians are rounded to whole nanoseconds. */
const CONTRADICTION_MIN = 0.01;

function contradictions(pairs: readonly Pair[]): string[] {
  const isOff = ({ metrics }: BenchmarkResult, samples: readonly number[] | null): boolean => {
    const told = metrics.median_ns ?? metrics.median_bytes;
    return told !== undefined && samples !== null && Math.abs(told - median(samples)) > 1 + CONTRADICTION_MIN * told;
  };
  return pairs.flatMap(({ name, a, b, samplesA, samplesB }) => [
    ...(isOff(a, samplesA) ? [`${name} of A: its stored median is not that of its samples; the samples are shown`] : []),
    ...(isOff(b, samplesB) ? [`${name} of B: its stored median is not that of its samples; the samples are shown`] : []),
  ]);
}
