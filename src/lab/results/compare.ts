/**
 * Two stored runs, benchmark by benchmark. Where both kept their samples, a
 * verdict corrected over the whole suite (Holm); where not, the ratio alone,
 * and it is said that a ratio without samples proves nothing. Pure.
 */
import { type Judgement, type JudgeOptions, judgeSuite } from "../../stats/verdict.ts";
import type { BenchmarkResult, MetricField, ReadReport } from "./schema.ts";

export interface ComparedBenchmark {
  readonly name: string;
  /** The figure shown: the median time, or the throughput. */
  readonly field: MetricField;
  readonly a: number;
  readonly b: number;
  /** b / a of the figure; null when a is zero. */
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

export function compareReports(a: ReadReport, b: ReadReport, options: CompareOptions): Comparison {
  const ofB = new Map(b.report.results.map((result) => [result.name, result]));
  const pairs = a.report.results.flatMap((one) => {
    const other = ofB.get(one.name);
    const field = other === undefined ? null : headline(one, other);
    return field === null ? [] : [{ name: one.name, field, a: one.metrics[field]!, b: other!.metrics[field]! }];
  });
  const judged = judgeSuite(
    pairs.flatMap(({ name, field }) => {
      const [samplesA, samplesB] = [a.samples.get(name), b.samples.get(name)];
      const better = field === "messages_per_sec" || field === "bytes_per_sec" ? ("higher" as const) : ("lower" as const);
      return samplesA === undefined || samplesB === undefined ? [] : [{ name, a: samplesA, b: samplesB, better }];
    }),
    options,
  );
  const judgements = new Map(judged.map(({ name, judgement }) => [name, judgement]));
  const compared = new Set(pairs.map(({ name }) => name));
  const rest = ({ report }: ReadReport): string[] => report.results.map(({ name }) => name).filter((name) => !compared.has(name));
  return {
    benchmarks: pairs.map((pair) => ({
      ...pair,
      ratio: pair.a === 0 ? null : pair.b / pair.a,
      judgement: judgements.get(pair.name) ?? null,
    })),
    onlyInA: rest(a),
    onlyInB: rest(b),
    warnings: warningsOf(a, b),
  };
}

const HEADLINES: readonly MetricField[] = ["median_ns", "messages_per_sec", "bytes_per_sec", "mean_ns", "p99_ns", "min_ns", "max_ns"];

/** The first figure that all the given results have. */
export function headline(...results: readonly BenchmarkResult[]): MetricField | null {
  return HEADLINES.find((field) => results.every(({ metrics }) => metrics[field] !== undefined)) ?? null;
}

function warningsOf({ report: a }: ReadReport, { report: b }: ReadReport): string[] {
  const [machineA, machineB] = [a.system_info, b.system_info];
  if (machineA === null || machineB === null) return ["one of the results doesn't say on which machine it was measured"];
  const differing = (["hostname", "cpu_model", "cpu_cores", "kernel_version"] as const).filter(
    (field) => machineA[field] !== machineB[field],
  );
  return differing.length === 0
    ? []
    : [`the results come from different machines (${differing.join(", ")}): a difference may be the machine's`];
}
