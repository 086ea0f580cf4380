/**
 * `npm run bench [-- FIGURE… --full --record]`: the figures we promise, each
 * with both sides in one run and its bar judged. `--record` writes
 * docs/figures.md. Exit code 1 when a bar does not hold.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { boot } from "./figures/boot.ts";
import { cold } from "./figures/cold.ts";
import { density } from "./figures/density.ts";
import { throughput } from "./figures/throughput.ts";
import { type Effort, type Figure, type FigureResult, holds } from "./support/figure.ts";
import { machineLine } from "./support/machine.ts";
import { ROOT } from "./support/subjects.ts";

const FIGURES: readonly Figure[] = [throughput, boot, cold, density];
const QUICK: Effort = { rounds: 3, seconds: 2 };
const FULL: Effort = { rounds: 7, seconds: 4 };

const args = process.argv.slice(2);
const names = args.filter((arg) => !arg.startsWith("--"));
const unknown = names.filter((name) => !FIGURES.some((figure) => figure.name === name));
if (unknown.length > 0) {
  process.stderr.write(`No figure is called ${unknown.join(", ")}; there are ${FIGURES.map(({ name }) => name).join(", ")}\n`);
  process.exit(2);
}

const effort = args.includes("--full") ? FULL : QUICK;
const results: { figure: Figure; result: FigureResult }[] = [];
process.stdout.write(`${machineLine()}\n`);
for (const figure of FIGURES.filter(({ name }) => names.length === 0 || names.includes(name))) {
  const result = await figure.run(effort);
  results.push({ figure, result });
  process.stdout.write(`\n${markdown(figure, result)}`);
}
if (args.includes("--record")) {
  const head = `# Figures\n\nFrom one run of \`npm run bench -- ${effort === FULL ? "--full " : ""}--record\` on: ${machineLine()}.\n`;
  const how = `Medians of ${effort.rounds} rounds, each a fresh process, [least-greatest]. CPU is that of the whole process tree.\n`;
  writeFileSync(join(ROOT, "docs/figures.md"), [head, how, ...results.map(({ figure, result }) => markdown(figure, result))].join("\n"));
}
process.exitCode = results.every(({ result }) => result.bars.every(holds)) ? 0 : 1;

function markdown(figure: Figure, { columns, rows, bars, notes = [] }: FigureResult): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  const table = row(columns) + row(columns.map(() => "---")) + rows.map(row).join("");
  const judged = bars
    .map(
      (bar) =>
        `- ${holds(bar) ? "holds" : "**MISSED**"}: ${bar.what}: ${bar.value.toFixed(2)} ${bar.unit} (at most ${bar.most.toFixed(2)})\n`,
    )
    .join("");
  return `## ${figure.title}\n\n${table}\n${judged}${notes.map((note) => `- ${note}\n`).join("")}`;
}
