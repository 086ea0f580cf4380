/** `pilotlight bench compare A B`: two stored results, benchmark by benchmark. Measures nothing. */
import { resolve } from "node:path";
import { table } from "../base/table.ts";
import { printable } from "../base/terminal.ts";
import { describeBytes } from "../base/units.ts";
import { HELP_FLAG, JSON_FLAG } from "../config/flags.ts";
import { type ComparedBenchmark, type Comparison, compareReports, RATIO_TO_SIDE_A } from "../lab/results/compare.ts";
import { readStored } from "../lab/results/result-store.ts";
import { EXIT_FAIL_ON, FAIL_ON_FLAG, JUDGING_FLAGS, readFailOn, readJudging } from "./bench-flags.ts";
import { type Call, type Command, EXIT_FAILED, EXIT_MISUSE, EXIT_OK, printFailures } from "./command.ts";

export const benchCompare: Command = {
  name: "bench compare",
  usage: "A B [flags]",
  about:
    "Compares two stored results (files, or folders of stored runs). Runs with the same --a are compared by their\nrounds' ratios to it, with verdicts corrected over the whole suite (Holm). Others were not interleaved: there are\ndifferences and no verdicts, which counts as inconclusive. Ends with 0; 99 when --fail-on names a verdict that was\ngiven, 1 when a result can't be read.",
  flags: [...JUDGING_FLAGS, FAIL_ON_FLAG, JSON_FLAG, HELP_FLAG],
  positionalMaxCount: 2,
  examples: [
    ["pilotlight bench compare data/ab_2026-11-20T09-00-00Z data/ab_2026-11-21T09-00-00Z", "yesterday and today"],
    ["pilotlight bench compare old.json new.json --fail-on regressed", "status 99 when anything got worse"],
  ],
  run,
};

async function run(call: Call): Promise<number> {
  const { flags, io, flag } = call;
  const [a, b] = flags.positionals;
  const judging = readJudging(call);
  const failOn = readFailOn(call);
  if (a === undefined || b === undefined || !judging.ok || !failOn.ok) {
    const missing = { code: "BENCH_USAGE", message: "Two results are needed", hint: "Write: pilotlight bench compare A B" };
    const wrong = [...(judging.ok ? [] : judging.failure), ...(failOn.ok ? [] : [failOn.failure])];
    printFailures("bench compare", wrong.length === 0 ? [missing] : wrong, io);
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
  const { seed } = judging.value;
  io.stdout.write(`${flag("json") ? JSON.stringify({ seed, ...comparison }, null, 2) : describe(comparison, seed)}\n`);
  return comparison.verdicts.some((verdict) => failOn.value.includes(verdict)) ? EXIT_FAIL_ON : EXIT_OK;
}

function describe({ hasCommonSide, benchmarks, onlyInA, onlyInB, warnings }: Comparison, seed: number): string {
  const columns = ["BENCHMARK", "FIGURE", "A", "B", "B / A", "VERDICT"].map((title) => ({ title }));
  const lines = [
    benchmarks.length === 0 ? "The two have no benchmark in common." : table(columns, benchmarks.map(row)),
    ...(hasCommonSide
      ? [`of side a: b / a of a round, which both runs measured against the same command; [..] is resampled with seed ${seed}`]
      : []),
    ...(onlyInA.length > 0 ? [`only in A: ${onlyInA.join(", ")}`] : []),
    ...(onlyInB.length > 0 ? [`only in B: ${onlyInB.join(", ")}`] : []),
    ...warnings.map((warning) => `warning: ${warning}`),
  ];
  return printable(lines.join("\n"));
}

function row({ name, field, a, b, ratio, judgement, unjudgedBecause }: ComparedBenchmark): string[] {
  const interval = judgement?.interval;
  const spread = interval ? ` [${interval.low.toFixed(3)}-${interval.high.toFixed(3)}]` : "";
  const verdict = unjudgedBecause ?? judgement?.failure?.message ?? judgement!.verdict;
  return [
    name,
    figureName(field),
    showFigure(field, a),
    showFigure(field, b),
    ratio === null ? "-" : `${ratio.toFixed(3)}${spread}`,
    verdict,
  ];
}

/** The schema calls whatever is counted a message; in a comparison of servers it is a request. */
export function figureName(field: ComparedBenchmark["field"]): string {
  if (field === RATIO_TO_SIDE_A) return "of side a";
  if (field === "messages_per_sec") return "per second";
  if (field === "bytes_per_sec") return "bytes per second";
  return field.replace(/_(?:ns|bytes)$/, "").replaceAll("_", " ");
}

const GROUPED = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** Nanoseconds in the unit that leaves few digits. */
export function showFigure(field: ComparedBenchmark["field"], value: number): string {
  if (field === RATIO_TO_SIDE_A) return value.toFixed(3);
  if (field.endsWith("_bytes")) return describeBytes(value);
  if (!field.endsWith("_ns")) return value >= 100 ? GROUPED.format(value) : value.toFixed(2);
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} s`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} ms`;
  return value >= 1_000 ? `${(value / 1_000).toFixed(2)} us` : `${value.toFixed(0)} ns`;
}
