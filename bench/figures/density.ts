/**
 * Many functions: what 1,000 deployed ones cost while nobody calls them, what
 * each called one adds, and whether 2,000 called in turn stay under a ceiling.
 */
import { MIB } from "../../src/base/units.ts";
import { type Effort, type Figure, type FigureResult, scaled } from "../support/figure.ts";
import type { Lab, RunningServer } from "../support/lab.ts";
import { built, manyFunctions, pilotlight } from "../support/subjects.ts";

const DEPLOYED_COUNT = 1_000;
const CALLED_COUNT = 100;
const CYCLED_COUNT = 2_000;
const LOOK_EVERY = 50;
const SETTLE_MS = 1_500;

export const density: Figure = {
  name: "density",
  title: "Many functions in one worker",
  async run(effort: Effort, lab: Lab): Promise<FigureResult> {
    const deployedCount = scaled(DEPLOYED_COUNT, effort);
    const calledCount = scaled(CALLED_COUNT, effort);
    const cycledCount = scaled(CYCLED_COUNT, effort);
    const { bootMs, idleMib } = await deploy(deployedCount, lab);
    const { eachMib, peakMib } = await call(calledCount, cycledCount, lab);
    return {
      columns: ["what", "value"],
      rows: [
        [`${deployedCount} functions deployed, spawn to ready`, `${(bootMs / 1_000).toFixed(2)} s`],
        [`${deployedCount} functions deployed, uncalled`, `${idleMib.toFixed(0)} MiB (PSS of all processes, pages of files among it)`],
        ["each further called and idle function", `${eachMib.toFixed(2)} MiB`],
        [`${cycledCount} functions called in turn, greatest memory`, `${peakMib.toFixed(0)} MiB`],
      ],
      provenance: "Each value is of one process, measured once; nothing is known of its spread.",
      bars: [
        { what: `${deployedCount} functions start`, value: bootMs / 1_000, most: 3, unit: "s" },
        { what: `${deployedCount} uncalled functions`, value: idleMib, most: 250 * (1e6 / MIB), unit: "MiB" },
        { what: "each further idle function", value: eachMib, most: 2.5 * (1e6 / MIB), unit: "MiB" },
        { what: `${cycledCount} functions called in turn`, value: peakMib, most: 1_024, unit: "MiB" },
      ],
    };
  },
};

async function deploy(count: number, lab: Lab): Promise<{ bootMs: number; idleMib: number }> {
  const server = await lab.start(
    pilotlight({ folder: manyFunctions(count), name: `pilotlight, ${count} functions`, path: "/_ready", expect: "ok" }),
  );
  const idleMib = server.memoryBytes() / MIB;
  await server.stop();
  return { bootMs: server.bootMs, idleMib };
}

async function call(calledCount: number, cycledCount: number, lab: Lab): Promise<{ eachMib: number; peakMib: number }> {
  const folder = built(manyFunctions(cycledCount));
  const server = await lab.start(pilotlight({ folder, name: "pilotlight, called", path: "/f0", expect: '"id":0' }));
  try {
    const beforeBytes = server.memoryBytes();
    await callAll(server, 1, calledCount);
    // Memory is read when the processes have come to rest.
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const eachMib = (server.memoryBytes() - beforeBytes) / calledCount / MIB;
    let peakMib = 0;
    for (let at = calledCount + 1; at < cycledCount; at += LOOK_EVERY) {
      await callAll(server, at, Math.min(at + LOOK_EVERY, cycledCount) - 1);
      peakMib = Math.max(peakMib, server.memoryBytes() / MIB);
    }
    return { eachMib, peakMib };
  } finally {
    await server.stop();
  }
}

async function callAll(server: RunningServer, first: number, last: number): Promise<void> {
  for (let at = first; at <= last; at++) {
    const { status, body } = await server.get(`/f${at}`);
    if (status !== 200) throw new Error(`/f${at} answered ${status}: ${body}`);
  }
}
