/** Rounds: each starts every subject once, in an order of its own, so that what drifts meets all alike. */
import type { ProcessSample } from "../../src/lab/ab/plan.ts";
import { createRandom } from "../../src/stats/random.ts";
import type { Effort } from "./figure.ts";
import type { Lab, Subject } from "./lab.ts";

const SEED = 1;

export async function measureAll(subjects: readonly Subject[], effort: Effort, lab: Lab): Promise<Map<Subject, ProcessSample[]>> {
  const random = createRandom(SEED);
  const samples = new Map<Subject, ProcessSample[]>(subjects.map((subject) => [subject, []]));
  for (let round = 0; round < effort.rounds; round++) {
    const order = subjects.map((subject) => ({ subject, at: random() })).toSorted((one, other) => one.at - other.at);
    for (const { subject } of order) {
      const warmUpSeconds = effort.warmUpSeconds * (subject.processCount ?? 1);
      samples.get(subject)!.push(await lab.measure(subject, { ...effort, warmUpSeconds }));
    }
  }
  return samples;
}
