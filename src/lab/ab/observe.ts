/** Noise, watched for as long as something is measured: what the machine is, and what happened on it meanwhile. */
import { readFileSync } from "node:fs";
import { listProcesses, readCpuTimes, watchActivity } from "../noise/activity.ts";
import { gatherNoiseFacts } from "../noise/facts.ts";
import { type NoiseNote, noiseNotes, type Placement } from "../noise/notes.ts";
import { allProcesses, parseStat } from "./processes.ts";

const US_PER_MS = 1_000;

/** `spentUs` is the CPU time of what was started: it is no noise. The function that is returned ends the watch. */
export function observeNoise({ unpinnedBecause, sharesCore }: Placement, spentUs: () => number = () => 0): () => readonly NoiseNote[] {
  const facts = gatherNoiseFacts();
  const ownCpuMs = (): number => {
    const own = parseStat(readFileSync("/proc/self/stat", "utf8"));
    if (own === null) return spentUs() / US_PER_MS;
    // What orphans of ours used, we have not waited for; what shells and guards used, nobody has told.
    return (own.ownCpuUs + Math.max(spentUs(), own.waitedCpuUs)) / US_PER_MS;
  };
  const finish = watchActivity({ list: () => listProcesses(allProcesses()), ownCpuMs, cpuTimes: readCpuTimes });
  return () => noiseNotes(facts, finish(), { unpinnedBecause, sharesCore });
}
