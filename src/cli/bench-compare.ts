/** `pilotlight bench compare A B`: two stored results, benchmark by benchmark. Measures nothing. */
import { resolve } from "node:path";
import { table } from "../base/table.ts";
import { HELP_FLAG, JSON_FLAG } from "../config/flags.ts";
import { type ComparedBenchmark, type Comparison, compareReports } from "../lab/results/compare.ts";
import { readStored } from "../lab/results/result-store.ts";
import type { MetricField } from "../lab/results/schema.ts";
import { JUDGING_FLAGS, readJudging } from "./bench-flags.ts";
import { type Call, type Command, EXIT_FAILED, EXIT_MISUSE, EXIT_OK, printFailures } from "./command.ts";

export const benchCompare: Command = {
  name: "bench compare",
  usage: "A B [flags]",
  about:
    "Compares two stored results (files, or folders of stored runs). Where both kept their samples each benchmark\ngets a verdict, corrected over the whole suite (Holm); without samples there is a ratio and no verdict.",
  flags: [...JUDGING_FLAGS, JSON_FLAG, HELP_FLAG],
  positionalMaxCount: 2,
  examples: [
    ["pilotlight bench compare data/ab_2026-11-20T09-00-00Z data/ab_2026-11-21T09-00-00Z", "yesterday and today"],
    ["pilotlight bench compare old.json new.json --json", "for programs"],
  ],
  run,
};

async function run(call: Call): Promise<number> {
  const { flags, io, flag } = call;
  const [a, b] = flags.positionals;
  const judging = readJudging(call);
  if (a === undefined || b === undefined || !judging.ok) {
    const missing = { code: "BENCH_USAGE", message: "Two results are needed", hint: "Write: pilotlight bench compare A B" };
    printFailures("bench compare", judging.ok ? [missing] : judging.failure, io);
    return EXIT_MISUSE;
  }
  const read = [a, b].map((path) => readStored(resolve(io.cwd, path)));
  const failures = read.flatMap((one) => (one.ok ? [] : [one.failure]));
  const [first, second] = read.flatMap((one) => (one.ok ? [one.value] : []));
  if (first === undefined || second === undefined) {
    printFailures("bench compare", failures, io);
    return EXIT_FAILED;
  }
  const comparison = compareReports(first, second, judging.value);
  io.stdout.write(`${flag("json") ? JSON.stringify({ seed: judging.value.seed, ...comparison }, null, 2) : describe(comparison)}\n`);
  return EXIT_OK;
}

function describe({ benchmarks, onlyInA, onlyInB, warnings }: Comparison): string {
  const columns = ["BENCHMARK", "FIGURE", "A", "B", "B / A", "VERDICT"].map((title) => ({ title }));
  return [
    benchmarks.length === 0 ? "The two have no benchmark in common." : table(columns, benchmarks.map(row)),
    ...(benchmarks.some(({ judgement }) => judgement === null) ? ["", "no samples: a ratio without its spread proves nothing"] : []),
    ...(onlyInA.length > 0 ? [`only in A: ${onlyInA.join(", ")}`] : []),
    ...(onlyInB.length > 0 ? [`only in B: ${onlyInB.join(", ")}`] : []),
    ...warnings.map((warning) => `warning: ${warning}`),
  ].join("\n");
}

function row({ name, field, a, b, ratio, judgement }: ComparedBenchmark): string[] {
  const interval = judgement?.interval;
  const judged = judgement === null || judgement.ratio === null ? ratio : judgement.ratio;
  const spread = interval ? ` [${interval.low.toFixed(3)}-${interval.high.toFixed(3)}]` : "";
  const verdict = judgement === null ? "no samples" : judgement.failure === null ? judgement.verdict : judgement.failure.message;
  return [name, field, showFigure(field, a), showFigure(field, b), judged === null ? "" : `${judged.toFixed(3)}${spread}`, verdict];
}

/** Nanoseconds in the unit that leaves few digits. */
export function showFigure(field: MetricField, value: number): string {
  if (!field.endsWith("_ns")) return value.toFixed(value >= 100 ? 0 : 2);
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} s`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} ms`;
  return value >= 1_000 ? `${(value / 1_000).toFixed(2)} us` : `${value.toFixed(0)} ns`;
}
