/**
 * `npm run bench [-- FIGURE… --full --record]`: the figures we promise, each
 * with both sides in one run and its bar judged. `--record` writes
 * docs/figures.md, and figures with a page of their own there. Exit code 1 when a bar is missed for certain.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { noiseLines } from "../src/lab/ab/ab-text.ts";
import { observeNoise } from "../src/lab/ab/observe.ts";
import { boot } from "./figures/boot.ts";
import { cold } from "./figures/cold.ts";
import { density } from "./figures/density.ts";
import { MIRROR_FIGURES } from "./figures/mirror.ts";
import { process_ } from "./figures/process.ts";
import { processStart } from "./figures/process-start.ts";
import { ring } from "./figures/ring.ts";
import { throughput } from "./figures/throughput.ts";
import { verdicts } from "./figures/verdicts.ts";
import { wasm } from "./figures/wasm.ts";
import { wasmMany } from "./figures/wasm-many.ts";
import { wasmStart } from "./figures/wasm-start.ts";
import { type Effort, type Figure, type FigureResult, stateOf } from "./support/figure.ts";
import { openLab } from "./support/lab.ts";
import { machineLine } from "./support/machine.ts";
import { markdown } from "./support/markdown.ts";
import { ROOT } from "./support/subjects.ts";

const FIGURES: readonly Figure[] = [throughput, boot, cold, density, wasm, wasmStart, wasmMany];
/** Asked for by name only: up to half an hour each. */
const LONG_FIGURES: readonly Figure[] = [verdicts, process_, processStart, ring, ...MIRROR_FIGURES];
/** Several figures by one name. */
const GROUPS: Readonly<Record<string, readonly Figure[]>> = { mirror: MIRROR_FIGURES };
const QUICK: Effort = { rounds: 5, seconds: 1.5, warmUpSeconds: 4.5, scale: 1 };
const FULL: Effort = { rounds: 7, seconds: 4, warmUpSeconds: 8, scale: 1 };

const args = process.argv.slice(2);
const names = args.filter((arg) => !arg.startsWith("--")).flatMap((name) => GROUPS[name]?.map((figure) => figure.name) ?? name);
const known = [...FIGURES, ...LONG_FIGURES];
const unknown = names.filter((name) => !known.some((figure) => figure.name === name));
if (unknown.length > 0) {
  process.stderr.write(
    `No figure is called ${unknown.join(", ")}; there are ${[...Object.keys(GROUPS), ...known.map(({ name }) => name)].join(", ")}\n`,
  );
  process.exit(2);
}

const machine = machineLine();
process.stdout.write(`${machine}\n`);
const effort = args.includes("--full") ? FULL : QUICK;
const results: { figure: Figure; result: FigureResult }[] = [];
const lab = openLab();
const finishNoise = observeNoise(lab.pinning);
try {
  for (const figure of names.length === 0 ? FIGURES : known.filter(({ name }) => names.includes(name))) {
    const result = await figure.run(effort, lab);
    results.push({ figure, result });
    process.stdout.write(`\n${markdown(figure, result)}`);
  }
} finally {
  lab.close();
}
const noise = noiseLines(finishNoise());
process.stdout.write(`\n${noise.join("\n")}\n`);
if (args.includes("--record")) {
  const how = `Medians with [95% interval], or (least to greatest) where there are too few samples for one. A bar is uncertain where the interval contains it.\nCPU is that of the whole process tree. What made this machine waver:\n\n${noise.map((line) => `- ${line}\n`).join("")}`;
  const documents = Map.groupBy(results, ({ figure }) => figure.document ?? "docs/figures.md");
  for (const [file, inIt] of documents) {
    const which = file === "docs/figures.md" ? "" : `${inIt.map(({ figure }) => figure.name).join(" ")} `;
    const head = `# Figures\n\nFrom one run of \`npm run bench -- ${which}${effort === FULL ? "--full " : ""}--record\` on: ${machine}.\n`;
    writeFileSync(join(ROOT, file), [head, how, ...inIt.map(({ figure, result }) => markdown(figure, result))].join("\n"));
  }
}
process.exitCode = results.some(({ result }) => result.bars.some((bar) => stateOf(bar) === "missed")) ? 1 : 0;
