/** Noise, watched for as long as something is measured: what the machine is, and what happened on it meanwhile. */
import { listProcesses, watchActivity } from "../noise/activity.ts";
import { gatherNoiseFacts } from "../noise/facts.ts";
import { type NoiseNote, noiseNotes } from "../noise/notes.ts";
import type { Pinning } from "./cores.ts";
import { allProcesses } from "./processes.ts";

/** The function that is returned ends the watch. */
export function observeNoise({ unpinnedBecause }: Pick<Pinning, "unpinnedBecause">): () => readonly NoiseNote[] {
  const facts = gatherNoiseFacts();
  const finish = watchActivity(() => listProcesses(allProcesses()));
  return () => noiseNotes(facts, finish(), unpinnedBecause);
}
