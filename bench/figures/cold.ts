/**
 * First calls of functions nobody has called: built, over HTTP, one after the
 * other, beside the second call of the same function; and calls that get a
 * fresh state each.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Effort, Figure, FigureResult } from "../support/figure.ts";
import { load } from "../support/load.ts";
import { cpuUs } from "../support/process-tree.ts";
import { quantile, spread } from "../support/samples.ts";
import { get, startSubject } from "../support/server-process.ts";
import { built, healthFolder, manyFunctions, pilotlight } from "../support/subjects.ts";

const PAUSE_MS = 5;

export const cold: Figure = {
  name: "cold",
  title: "Cold functions (built) and fresh state for every call",
  async run({ rounds, seconds }: Effort): Promise<FigureResult> {
    const count = rounds * 40;
    const folder = built(manyFunctions(count));
    const server = await startSubject(pilotlight({ folder, name: "pilotlight, cold", path: "/f0", expect: '"id":0' }));
    const first: number[] = [];
    const second: number[] = [];
    try {
      for (let at = 1; at < count; at++) {
        for (const samples of [first, second]) {
          const startMs = performance.now();
          const answer = await get(server.port, `/f${at}`);
          samples.push(performance.now() - startMs);
          if (answer?.status !== 200) throw new Error(`/f${at} answered ${answer?.status}`);
        }
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    } finally {
      await server.stop();
    }
    const freshUs = await requestMode(rounds, seconds);
    return {
      columns: ["call", "ms", "p95 ms"],
      rows: [
        ["first call of a function", spread(first, 2), quantile(first, 0.95).toFixed(2)],
        ["second call, same client", spread(second, 2), quantile(second, 0.95).toFixed(2)],
        [
          "isolation: request, CPU per call",
          spread(
            freshUs.map((us) => us / 1_000),
            2,
          ),
          "",
        ],
      ],
      bars: [
        { what: "first call of a cold function, p95", value: quantile(first, 0.95), most: 5, unit: "ms" },
        { what: "isolation: request, CPU per call", value: quantile(freshUs, 0.5) / 1_000, most: 1, unit: "ms" },
      ],
    };
  },
};

async function requestMode(rounds: number, seconds: number): Promise<number[]> {
  const source = healthFolder("async");
  writeFileSync(join(source, "pilotlight.yaml"), "functions:\n  api/health:\n    isolation: request\n");
  const subject = pilotlight({ folder: source, name: "pilotlight, isolation request" });
  const samples: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const server = await startSubject(subject);
    try {
      await load(server.port, subject.path, 4, 1);
      const cpuBeforeUs = cpuUs(server.pid);
      const { requests, errors } = await load(server.port, subject.path, 4, seconds);
      if (errors > 0) throw new Error(`${errors} of ${requests} calls failed`);
      samples.push((cpuUs(server.pid) - cpuBeforeUs) / requests);
    } finally {
      await server.stop();
    }
  }
  return samples;
}
