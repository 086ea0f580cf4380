/**
 * Many functions: what 1,000 deployed ones cost while nobody calls them, what
 * each called one adds, and whether 2,000 called in turn stay under a ceiling.
 */
import type { Effort, Figure, FigureResult } from "../support/figure.ts";
import { memoryBytes } from "../support/process-tree.ts";
import { get, startSubject } from "../support/server-process.ts";
import { built, manyFunctions, pilotlight } from "../support/subjects.ts";

const MIB = 1024 * 1024;
const DEPLOYED_COUNT = 1_000;
const CALLED_COUNT = 100;
const CYCLED_COUNT = 2_000;

export const density: Figure = {
  name: "density",
  title: "Many functions in one worker",
  async run(_effort: Effort): Promise<FigureResult> {
    const deployed = await startSubject(
      pilotlight({ folder: manyFunctions(DEPLOYED_COUNT), name: "pilotlight, 1,000 functions", path: "/_ready", expect: "ok" }),
    );
    const idleMib = memoryBytes(deployed.pid) / MIB;
    await deployed.stop();

    const folder = built(manyFunctions(CYCLED_COUNT));
    const calling = await startSubject(pilotlight({ folder, name: "pilotlight, called", path: "/f0", expect: '"id":0' }));
    const beforeBytes = memoryBytes(calling.pid);
    await callAll(calling.port, 1, CALLED_COUNT);
    await settle();
    const eachMib = (memoryBytes(calling.pid) - beforeBytes) / CALLED_COUNT / MIB;
    let peakMib = 0;
    for (let at = CALLED_COUNT + 1; at < CYCLED_COUNT; at += 50) {
      await callAll(calling.port, at, Math.min(at + 50, CYCLED_COUNT) - 1);
      peakMib = Math.max(peakMib, memoryBytes(calling.pid) / MIB);
    }
    await calling.stop();
    return {
      columns: ["what", "value"],
      rows: [
        ["1,000 functions deployed, spawn to ready", `${(deployed.bootMs / 1_000).toFixed(2)} s`],
        ["1,000 functions deployed, uncalled", `${idleMib.toFixed(0)} MiB (PSS of all processes)`],
        ["each further called and idle function", `${eachMib.toFixed(2)} MiB`],
        ["2,000 functions called in turn, greatest memory", `${peakMib.toFixed(0)} MiB`],
      ],
      bars: [
        { what: "1,000 functions start", value: deployed.bootMs / 1_000, most: 3, unit: "s" },
        { what: "1,000 uncalled functions", value: idleMib, most: 250 * (1e6 / MIB), unit: "MiB" },
        { what: "each further idle function", value: eachMib, most: 2.5 * (1e6 / MIB), unit: "MiB" },
        { what: "2,000 functions called in turn", value: peakMib, most: 1_024, unit: "MiB" },
      ],
    };
  },
};

async function callAll(port: number, first: number, last: number): Promise<void> {
  for (let at = first; at <= last; at++) {
    const answer = await get(port, `/f${at}`);
    if (answer?.status !== 200) throw new Error(`/f${at} answered ${answer?.status}: ${answer?.body}`);
  }
}

/** Memory is read when the processes have come to rest. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1_500));
}
