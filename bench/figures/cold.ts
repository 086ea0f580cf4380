/**
 * First calls of functions nobody has called: built, over HTTP, one after the
 * other, beside the second call of the same function; and calls that get a
 * fresh state each.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { quantile } from "../../src/stats/quantile.ts";
import { type Effort, type Figure, type FigureResult, scaled } from "../support/figure.ts";
import type { Lab } from "../support/lab.ts";
import { quantileBar, spread } from "../support/spread.ts";
import { built, healthFolder, manyFunctions, pilotlight } from "../support/subjects.ts";

const PAUSE_MS = 5;
const FUNCTIONS_PER_ROUND = 40;
const FRESH_STATE_USERS = 4;

export const cold: Figure = {
  name: "cold",
  title: "Cold functions (built) and fresh state for every call",
  async run(effort: Effort, lab: Lab): Promise<FigureResult> {
    const { first, second } = await callInTurn(1 + scaled(effort.rounds * FUNCTIONS_PER_ROUND, effort), lab);
    const freshMs = await requestMode(effort, lab);
    return {
      columns: ["call", "ms", "p95 ms"],
      rows: [
        ["first call of a function", spread(first, 2), p95(first)],
        ["second call, same client", spread(second, 2), p95(second)],
        ["isolation: request, CPU per call", spread(freshMs, 2), ""],
      ],
      provenance: `Calls: medians of ${first.length} functions, one after the other in one process. CPU of fresh states: median of ${effort.rounds} fresh processes, one after the other.`,
      bars: [
        quantileBar("first call of a cold function, p95", first, 0.95, 5, "ms"),
        quantileBar("isolation: request, CPU per call", freshMs, 0.5, 1, "ms"),
      ],
    };
  },
};

async function callInTurn(count: number, lab: Lab): Promise<{ first: number[]; second: number[] }> {
  const folder = built(manyFunctions(count));
  const server = await lab.start(pilotlight({ folder, name: "pilotlight, cold", path: "/f0", expect: '"id":0' }));
  const [first, second]: [number[], number[]] = [[], []];
  try {
    for (let at = 1; at < count; at++) {
      for (const samples of [first, second]) {
        const startMs = performance.now();
        const { status } = await server.get(`/f${at}`);
        samples.push(performance.now() - startMs);
        if (status !== 200) throw new Error(`/f${at} answered ${status}`);
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  } finally {
    await server.stop();
  }
  return { first, second };
}

async function requestMode(effort: Effort, lab: Lab): Promise<number[]> {
  const source = healthFolder("async");
  writeFileSync(join(source, "pilotlight.yaml"), "functions:\n  api/health:\n    isolation: request\n");
  const subject = pilotlight({ folder: source, name: "pilotlight, isolation request" });
  const samples: number[] = [];
  for (let round = 0; round < effort.rounds; round++) {
    samples.push((await lab.measure(subject, effort, FRESH_STATE_USERS)).cpuUsPerRequest / 1_000);
  }
  return samples;
}

function p95(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  return quantile(sorted, 0.95).toFixed(2);
}
