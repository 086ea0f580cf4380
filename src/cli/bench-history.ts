/** `pilotlight bench history [NAME]`: what stored figures did over time. Measures nothing. */
import { relative, resolve } from "node:path";
import { table } from "../base/table.ts";
import { printable } from "../base/terminal.ts";
import { HELP_FLAG, JSON_FLAG } from "../config/flags.ts";
import { type BenchmarkHistory, historyOf, namesIn } from "../lab/results/history.ts";
import { readHistory } from "../lab/results/result-store.ts";
import { figureName, showFigure } from "./bench-compare.ts";
import { DATA_FOLDER, OUTPUT_FLAG } from "./bench-flags.ts";
import { type Call, type Command, EXIT_FAILED, EXIT_OK, printFailures } from "./command.ts";

export const benchHistory: Command = {
  name: "bench history",
  usage: "[NAME] [flags]",
  about:
    "Lists the stored runs of each benchmark, oldest first, with the change against the median of the runs before on\nthe same machine, and notes what drifts. NAME keeps suites and benchmarks that are called or begin so (ab, a/cpu, cpu). Another command, request or load is\nanother history. Ends with 0; 1 when there is nothing to show.",
  flags: [OUTPUT_FLAG, JSON_FLAG, HELP_FLAG],
  positionalMaxCount: 1,
  examples: [
    ["pilotlight bench history", "everything under data/"],
    ["pilotlight bench history a/cpu -o results", "one figure, stored elsewhere"],
  ],
  run,
};

async function run({ flags, io, flag }: Call): Promise<number> {
  const folder = resolve(io.cwd, flag("output") ?? DATA_FOLDER);
  const read = readHistory(folder);
  if (!read.ok) {
    printFailures("bench history", [read.failure], io);
    return EXIT_FAILED;
  }
  const unreadable = read.value.flatMap((run) => (run.ok ? [] : [run.failure]));
  const [name = null] = flags.positionals;
  const runs = read.value.flatMap((run) => (run.ok ? [run.value] : []));
  const histories = historyOf(runs, name);
  if (histories.length === 0) {
    const message = `${folder} holds no results${name === null ? "" : ` called ${name}`}`;
    const hint = runs.length === 0 ? "pilotlight bench ab stores one there" : `It holds ${namesIn(runs).map(printable).join(", ")}`;
    printFailures("bench history", [...unreadable, { code: "RESULTS_NONE", message, hint }], io);
    return EXIT_FAILED;
  }
  if (flag("json")) io.stdout.write(`${JSON.stringify({ histories, unreadable }, null, 2)}\n`);
  else {
    printFailures("bench history", unreadable, io);
    io.stdout.write(`${histories.map((history) => describe(history, io.cwd)).join("\n\n")}\n`);
  }
  return EXIT_OK;
}

function describe({ suite, name, subject, field, points, notes }: BenchmarkHistory, cwd: string): string {
  const rows = points.map(({ timestamp, value, change, path, partialBecause }) => [
    timestamp,
    showFigure(field, value),
    change === null ? "-" : `${change >= 0 ? "+" : ""}${(change * 100).toFixed(1)}%`,
    `${relative(cwd, path)}${partialBecause === null ? "" : ` (not counted: ${partialBecause})`}`,
  ]);
  const columns = [
    { title: "TIME" },
    { title: figureName(field).toUpperCase(), align: "right" as const },
    { title: "CHANGE", align: "right" as const },
    { title: "" },
  ];
  const heading = `${suite} ${name}${subject === "" ? "" : `: ${subject}`}`;
  return printable([heading, table(columns, rows), ...notes.map((note) => `note: ${note}`)].join("\n"));
}
