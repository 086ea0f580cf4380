/**
 * Two stored runs, benchmark by benchmark. Where both kept their samples, a
 * verdict corrected over the whole suite (Holm); where not, the ratio alone,
 * and it is said that a ratio without samples proves nothing. Pure.
 */
import { median } from "../../stats/quantile.ts";
import { type Judgement, type JudgeOptions, judgeSuite } from "../../stats/verdict.ts";
import { differences, machineDifferences, partialBecause } from "./identity.ts";
import type { BenchmarkResult, MetricField, ReadReport } from "./schema.ts";

export interface ComparedBenchmark {
  readonly name: string;
  /** The figure shown: a median, or the throughput. */
  readonly field: MetricField;
  /** With samples, their medians. */
  readonly a: number;
  readonly b: number;
  /** b / a of these; null when a is zero. */
  readonly ratio: number | null;
  /** Null without samples. */
  readonly judgement: Judgement | null;
}

export interface Comparison {
  readonly benchmarks: readonly ComparedBenchmark[];
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
}

export function compareReports(a: ReadReport, b: ReadReport, options: CompareOptions): Comparison {
  const pairs = pairsOf(a, b);
  const judged = judgeSuite(
    pairs.flatMap(({ name, field, samplesA, samplesB }) => {
      const better = isRate(field) ? ("higher" as const) : ("lower" as const);
      return samplesA === null || samplesB === null ? [] : [{ name, a: samplesA, b: samplesB, better }];
    }),
    options,
  );
  const judgements = new Map(judged.map(({ name, judgement }) => [name, judgement]));
  const compared = new Set(pairs.map(({ name }) => name));
  const rest = ({ report }: ReadReport): string[] => report.results.map(({ name }) => name).filter((name) => !compared.has(name));
  return {
    benchmarks: pairs.map((pair) => ({ ...shown(pair), judgement: judgements.get(pair.name) ?? null })),
    onlyInA: rest(a),
    onlyInB: rest(b),
    warnings: [...machineWarnings(a, b), ...subjectWarnings(pairs), ...partialWarnings(a, b), ...contradictions(pairs)],
  };
}

function pairsOf(a: ReadReport, b: ReadReport): Pair[] {
  const ofB = new Map(b.report.results.map((result) => [result.name, result]));
  return a.report.results.flatMap((one) => {
    const other = ofB.get(one.name);
    const field = other === undefined ? null : headline(one, other);
    if (field === null) return [];
    const { name } = one;
    return [{ name, field, a: one, b: other!, samplesA: knownSamples(a, name), samplesB: knownSamples(b, name) }];
  });
}

function knownSamples({ samples }: ReadReport, name: string): readonly number[] | null {
  const known = samples.get(name)?.filter(Number.isFinite) ?? [];
  return known.length === 0 ? null : known;
}

/** Both columns and the ratio are of one statistic: medians of the samples where both sides have some, else the stored figures. */
function shown({ name, field, a, b, samplesA, samplesB }: Pair): Omit<ComparedBenchmark, "judgement"> {
  const hasSamples = samplesA !== null && samplesB !== null;
  const [figureA, figureB] = hasSamples ? [median(samplesA), median(samplesB)] : [a.metrics[field]!, b.metrics[field]!];
  return { name, field, a: figureA, b: figureB, ratio: figureA === 0 ? null : figureB / figureA };
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
