/**
 * The comparison itself, compared with the truth: a server beside itself (every
 * verdict but "equal" and "inconclusive" is false) and beside one whose handler
 * burns 10% more CPU (which has to be found). Long: not in the default run.
 * The extra loop is calibrated by a clock, outside the comparison.
 */
import { spawnSync } from "node:child_process";
import { judgeAb } from "../../src/lab/ab/judge-ab.ts";
import { runAb } from "../../src/lab/ab/run-ab.ts";
import { runLoad } from "../../src/lab/load/run-load.ts";
import { median } from "../../src/stats/quantile.ts";
import type { Judgement } from "../../src/stats/verdict.ts";
import { BURN } from "../support/burn.ts";
import { type Effort, type Figure, type FigureResult, scaled } from "../support/figure.ts";
import { type Lab, planFor, type Subject } from "../support/lab.ts";
import { nodeHttp } from "../support/subjects.ts";

const AA_COUNT = 20;
const AA_FALSE_MAX = 4;
const DEARER_COUNT = 10;
const DEARER_MISSED_MAX = 1;
const DEARER_SHARE = 0.1;
const RUN_MAX_MS = 60_000;
/** Whatever was asked for: fewer or shorter processes say nothing about 10%, more don't fit into a run. */
const WHOLE: Effort = { rounds: 7, seconds: 0.8, warmUpSeconds: 1.5, scale: 1 };
const RULE = { metric: "cpu", minimumEffect: 0.03, alpha: 0.05 } as const;
const CALIBRATION_LOOPS = 2_000;

export const verdicts: Figure = {
  name: "verdicts",
  title: "Verdicts on a server beside itself, and beside one that is 10% dearer",
  async run(effort: Effort, lab: Lab): Promise<FigureResult> {
    const base = nodeHttp();
    effort = effort.scale < 1 ? effort : WHOLE;
    const costUs = median(await sequence(scaled(5, effort), async () => (await lab.measure(base, effort)).cpuUsPerRequest));
    const loops = loopsFor(costUs * DEARER_SHARE, lab);
    const dearer = nodeHttp({ name: "node:http, 10% dearer", burnLoops: loops });
    const same: Compared[] = [];
    const different: Compared[] = [];
    // In turn, so that a machine that changes meanwhile changes for both.
    for (let seed = 1; same.length < scaled(AA_COUNT, effort) || different.length < scaled(DEARER_COUNT, effort); seed++) {
      if (same.length < scaled(AA_COUNT, effort)) same.push(await compare(base, base, seed, effort, lab));
      if (seed % (AA_COUNT / DEARER_COUNT) === 0 || effort.scale < 1) different.push(await compare(base, dearer, seed, effort, lab));
    }
    const falseCount = same.filter(({ judgement }) => isVerdict(judgement)).length;
    const foundCount = different.filter(({ judgement }) => judgement.verdict === "regressed").length;
    return {
      columns: ["B", "runs", "verdicts", "B / A, median (least to greatest)", "longest run s"],
      rows: [row("the same server", same), row(`${loops} loops dearer, ${(costUs * DEARER_SHARE).toFixed(2)} us`, different)],
      provenance: `Each run is a comparison of at most ${effort.rounds} pairs of fresh processes; both kinds of runs in turn.`,
      bars: [
        { what: `false verdicts in ${same.length} A/A runs`, value: falseCount, most: AA_FALSE_MAX, unit: "" },
        { what: `10% missed in ${different.length} runs`, value: different.length - foundCount, most: DEARER_MISSED_MAX, unit: "" },
      ],
    };
  },
};

interface Compared {
  readonly judgement: Judgement;
  readonly elapsedMs: number;
}

async function compare(a: Subject, b: Subject, seed: number, effort: Effort, { pinning }: Lab): Promise<Compared> {
  const measuring = {
    load: planFor(a, 50),
    measuredMs: effort.seconds * 1_000,
    warmUpMaxMs: effort.warmUpSeconds * 1_000,
    startTimeoutMs: 30_000,
  };
  const sides = { a: { label: a.name, command: a.command }, b: { label: b.name, command: b.command } };
  const plan = { ...sides, ...RULE, measuring, roundMaxCount: effort.rounds, maxMs: RUN_MAX_MS, seed };
  const ran = await runAb(plan, { runLoad, pinning });
  if (!ran.ok) throw new Error(ran.failure.message);
  const { judgement } = judgeAb(ran.value, plan).verdict;
  if (effort.scale >= 1) process.stderr.write(`${b.name}, seed ${seed}: ${judgement.verdict}: ${judgement.why}\n`);
  return { judgement, elapsedMs: ran.value.elapsedMs };
}

/** How often the loop of the dearer server has to turn to take so long, timed on the server's core. */
function loopsFor(us: number, { pinning }: Lab): number {
  const source = `${BURN}
let best = Infinity;
for (let round = 0; round < 200; round++) {
  const start = process.hrtime.bigint();
  for (let call = 0; call < 100; call++) burn(${CALIBRATION_LOOPS});
  best = Math.min(best, Number(process.hrtime.bigint() - start) / 100);
}
console.log(best);`;
  const [program, ...args] = pinning.serverCommand([process.execPath, "-e", source]) as [string, ...string[]];
  const ns = Number(spawnSync(program, args, { encoding: "utf8" }).stdout);
  if (!(ns > 0)) throw new Error("The loop could not be timed");
  return Math.round((us * 1_000 * CALIBRATION_LOOPS) / ns);
}

function isVerdict({ verdict }: Judgement): boolean {
  return verdict === "improved" || verdict === "regressed";
}

function row(name: string, runs: readonly Compared[]): string[] {
  const counts = Map.groupBy(runs, ({ judgement }) => judgement.verdict);
  const ratios = runs.flatMap(({ judgement }) => judgement.ratio ?? []).toSorted((a, b) => a - b);
  const spread =
    ratios.length === 0 ? "too few rounds" : `${median(ratios).toFixed(3)} (${ratios[0]!.toFixed(3)} to ${ratios.at(-1)!.toFixed(3)})`;
  const longestMs = Math.max(...runs.map(({ elapsedMs }) => elapsedMs));
  return [
    name,
    String(runs.length),
    [...counts].map(([verdict, those]) => `${those.length} ${verdict}`).join(", "),
    spread,
    (longestMs / 1_000).toFixed(0),
  ];
}

async function sequence<Value>(count: number, work: (at: number) => Promise<Value>): Promise<Value[]> {
  const values: Value[] = [];
  for (let at = 0; at < count; at++) values.push(await work(at));
  return values;
}
