/** Noise, watched for as long as something is measured: what the machine is, and what happened on it meanwhile. */
import { readFileSync } from "node:fs";
import { listProcesses, readCpuTimes, watchActivity } from "../noise/activity.ts";
import { gatherNoiseFacts } from "../noise/facts.ts";
import { type NoiseNote, noiseNotes } from "../noise/notes.ts";
import type { Pinning } from "./cores.ts";
import { allProcesses, parseStat } from "./processes.ts";

/** The function that is returned ends the watch. */
export function observeNoise({ unpinnedBecause }: Pick<Pinning, "unpinnedBecause">): () => readonly NoiseNote[] {
  const facts = gatherNoiseFacts();
  const finish = watchActivity({ list: () => listProcesses(allProcesses()), ownCpuMs, cpuTimes: readCpuTimes });
  return () => noiseNotes(facts, finish(), unpinnedBecause);
}

/** Everything that we started has ended and been waited for, or it is seen as somebody else's. */
function ownCpuMs(): number {
  const own = parseStat(readFileSync("/proc/self/stat", "utf8"));
  return own === null ? 0 : (own.ownCpuUs + own.waitedCpuUs) / 1_000;
}
